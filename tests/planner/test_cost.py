"""What a plan says of money: each cost, their sums, and the limit of the stack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from dpo_ops.kinds import KINDS
from dpo_ops.kinds.facts import Answer, Listing
from dpo_ops.kinds.pricing import Cost, Per, Unpriced, billions, serving, training
from dpo_ops.pairs.prices import prices
from dpo_ops.planner import PLAN_SCHEMA, Accounted, Action, Plan, document, plan, questions
from dpo_ops.planner.spending import priced, spending
from dpo_ops.resource import Policy, Resource, State, Tokens
from tests import wanted
from tests.planner.test_plan import DATA, IN_PLACE, JOB, change, served, state
from tests.planner.test_plan import made as unpriced

PRICES = prices()
TOKENS = Tokens(prompt=1_000_000, preferred=2_000_000, other=3_000_000)
SHAPE = "accounts/fireworks/deploymentShapes/x"
SNAPSHOT = {"name": SHAPE, "acceleratorType": "NVIDIA_H100_80GB", "acceleratorCount": 2}
FITS = Answer(
    {"supervisedLoraTunable": True}, ({"name": f"{SHAPE}/versions/1", "snapshot": SNAPSHOT},)
)


def data(tokens: Tokens | None = TOKENS, name: str = "prefs") -> Resource:
    made = wanted.dataset(name)
    assert made.content
    return replace(made, content=replace(made.content, tokens=tokens))


def made(*resources: Resource, answer: Answer = FITS, limit: float | None = None) -> Plan:
    desired = State({r.address: r for r in resources}, policy=Policy(max_cost=limit))
    listing = Listing({}, ())
    seen = Accounted("acme", {a: KINDS[a.kind].find(r, listing) for a, r in desired.items()})
    return plan(desired, seen, dict.fromkeys(questions(desired, seen), answer), PRICES)


def cost(planned: Plan, kind: str) -> Any:
    return next(c.cost for c in planned.changes if c.address.kind == kind)


# The figures of the price page: US dollars for a million training tokens.
@pytest.mark.parametrize(
    ("size", "lora", "full"),
    [
        (8, 1.00, 2.00),
        (16, 1.00, 2.00),
        (16.1, 6.00, 12.00),
        (80, 6.00, 12.00),
        (120, 12.00, 24.00),
        (300, 12.00, 24.00),
        (301, 20.00, 40.00),
    ],
)
def test_the_rates_of_each_band(size: float, lora: float, full: float) -> None:
    million = Tokens(250_000, 250_000, 250_000)
    for rate, all_parameters in ((lora, False), (full, True)):
        found = training(PRICES, million, epochs=1, size=size, full=all_parameters)
        assert (found.low, found.high) == pytest.approx((0.7 * rate, 1.3 * rate))


def test_the_formula_counts_the_prompt_twice_and_each_epoch() -> None:
    # N x E x (2P + C + R) with N = 1000 pairs of P = 200, C = 150 and R = 250 tokens, E = 3.
    tokens = Tokens(1000 * 200, 1000 * 150, 1000 * 250)
    assert tokens.billable(3) == 1000 * 3 * (2 * 200 + 150 + 250) == 2_400_000
    found = training(PRICES, tokens, epochs=3, size=8, full=False)
    assert (found.low, found.high) == pytest.approx((2.40 * 0.7, 2.40 * 1.3))


def test_an_observed_bill_is_tokens_times_rate() -> None:
    # 13.53 M tokens of a 30B model were billed at 3.00 for SFT; DPO has twice the rate.
    tokens = Tokens(0, 13_530_000, 0)
    found = training(PRICES, tokens, epochs=1, size=30, full=False)
    assert (found.low + found.high) / 2 == pytest.approx(2 * 40.59)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("accounts/fireworks/models/llama-v3p1-8b-instruct", 8),
        ("qwen3-14b", 14),
        ("qwen3-4b-instruct-2507", 4),
        ("qwen2p5-0p5b", 0.5),
        ("qwen3-30b-a3b", 30),
        ("qwen3-235b-a22b", 235),
        ("mixtral-8x7b-instruct", 56),
        ("gpt-oss-120b", 120),
        ("llama4-scout-17b-16e", None),
        ("deepseek-v3", None),
        ("glm-5p3-flash", None),
        ("llama-v3p1-8bit", None),
    ],
)
def test_the_size_is_read_from_the_name_or_not_known(name: str, size: float | None) -> None:
    assert billions(name) == size


@pytest.mark.parametrize(
    ("gpu", "rate"),
    [
        ("NVIDIA_H100_80GB", 8),
        ("NVIDIA_H200_141GB", 8),
        ("NVIDIA_B200_180GB", 13),
        ("NVIDIA_B300_288GB", 15),
    ],
)
def test_serving_is_charged_by_gpu_replica_and_hour(gpu: str, rate: float) -> None:
    found = serving(PRICES, gpu, 4, least=1, most=3, restricted=False)
    assert isinstance(found, Cost)
    assert (found.low, found.high, found.per) == (rate * 4, rate * 12, Per.HOUR)
    placed = serving(PRICES, gpu, 1, least=1, most=1, restricted=True)
    assert isinstance(placed, Cost)
    assert placed.low == placed.high == rate * 1.5


def test_a_gpu_without_a_price_is_not_free() -> None:
    found = serving(PRICES, "AMD_MI300X_192GB", 1, least=0, most=1, restricted=False)
    assert isinstance(found, Unpriced)


def test_a_plan_keeps_training_and_hours_apart() -> None:
    job = wanted.job(data(), epochs=2)
    first = made(data(), job, wanted.deployment(job, minReplicaCount=1, maxReplicaCount=2))
    # 2 epochs x (2 x 1 M + 2 M + 3 M) tokens at $1 a million.
    assert cost(first, "DPOJob").low == pytest.approx(14 * 0.7)
    assert (cost(first, "Deployment").low, cost(first, "Deployment").high) == (16, 32)
    assert cost(first, "Dataset") is None
    told = document(first)
    jsonschema.validate(told, PLAN_SCHEMA)
    assert told["cost"] == {
        "training": {"low": 9.8, "high": 18.2, "unknown": 0},
        "servingPerHour": {"low": 16, "high": 32, "unknown": 0},
    }


H100 = "NVIDIA_H100_80GB"


def enlarged(before: dict[str, Any], after: dict[str, Any], gpu: str | None = H100) -> Any:
    """Return what the plan says of the cost of a deployment that stands as `before`."""
    job = wanted.job(DATA)
    old, new = (wanted.deployment(job, **said) for said in (before, after))
    standing = served(old, **({"acceleratorType": gpu, "acceleratorCount": 2} | before))
    planned = unpriced(state(DATA, JOB, new), **{**IN_PLACE, "deployments": [standing]})
    update = change(planned, "Deployment/serve")
    assert update.action is Action.UPDATE
    return priced(update, State({new.address: new}), PRICES)


REPLICA = 2 * PRICES.gpu_hours[H100]


def bounds(least: int, most: int, **said: Any) -> dict[str, Any]:
    return {"minReplicaCount": least, "maxReplicaCount": most, **said}


# As many replicas run as the load needs, within the bounds: what is added depends on the load.
@pytest.mark.parametrize(
    ("before", "after", "added"),
    [
        ((0, 1), (0, 2), (0, 1)),
        ((1, 1), (2, 2), (1, 1)),
        # At a load for one replica nothing is added; without any, one; at a high one, three.
        ((0, 1), (1, 4), (0, 3)),
        # Nothing is saved in the sum of a plan: at a high load this one is cheaper by two.
        ((0, 3), (1, 1), (0, 1)),
        ((0, 1), (2, 3), (1, 2)),
    ],
)
def test_more_replicas_of_what_stands_cost_the_difference(
    before: tuple[int, int], after: tuple[int, int], added: tuple[int, int]
) -> None:
    update = enlarged(bounds(*before), bounds(*after))
    low, high = (REPLICA * count for count in added)
    assert (update.cost.low, update.cost.high) == pytest.approx((low, high))
    assert (update.cost.per, update.cost.more) == (Per.HOUR, True)
    assert spending([update], Per.HOUR).high == update.cost.high


def test_how_an_update_costs_more_is_said() -> None:
    update = enlarged(bounds(0, 1), bounds(1, 4))
    assert update.cost.basis == (
        "1 to 4 x 2 H100 80GB at $8 an hour, until now 0 to 1 x 2 H100 80GB at $8 an hour"
    )


@pytest.mark.parametrize("gpu", [H100, "AMD_MI300X_192GB", None])
def test_fewer_replicas_and_other_fields_cost_nothing_more(gpu: str | None) -> None:
    before = bounds(1, 4)
    assert enlarged(before, bounds(0, 4), gpu).cost is None
    policy = {"autoscalingPolicy": {"scaleToZeroWindow": "10m"}}
    assert enlarged(before, {**before, **policy}, gpu).cost is None


@pytest.mark.parametrize(
    ("gpu", "said", "why"),
    [
        ("AMD_MI300X_192GB", {}, "there is no price for AMD_MI300X_192GB"),
        (None, {}, "its deployment shape says which GPUs it takes, and was not seen"),
        (H100, {"pricingPlanId": "p"}, "it has a pricing plan of its own"),
    ],
)
def test_more_of_what_has_no_price_is_not_nothing(
    gpu: str | None, said: dict[str, Any], why: str
) -> None:
    for after in (bounds(0, 2, **said), bounds(1, 1, **said)):
        update = enlarged(bounds(0, 1, **said), after, gpu)
        assert isinstance(update.cost, Unpriced)
        assert update.cost.why == why
        assert spending([update], Per.HOUR).unknown == 1


def test_more_than_what_had_no_price_is_not_known() -> None:
    other = "AMD_MI300X_192GB"
    before, after = bounds(0, 1, acceleratorType=other), bounds(0, 1, acceleratorType=H100)
    assert enlarged(before, after).cost.why == f"until now there is no price for {other}"
    assert enlarged(after, before).cost.why == f"there is no price for {other}"


def test_all_parameters_cost_twice_an_adapter() -> None:
    full = wanted.job(data(), loraRank=0)
    answer = Answer({"supervisedFullParameterTunable": True}, FITS.shapes)
    assert cost(made(data(), full, answer=answer), "DPOJob").high == pytest.approx(7 * 2 * 1.3)


def test_the_platforms_size_counts_more_than_the_name() -> None:
    model = {"supervisedLoraTunable": True, "baseModelDetails": {"parameterCount": "70000000000"}}
    large = made(data(), wanted.job(data()), answer=Answer(model, FITS.shapes))
    assert cost(large, "DPOJob").high == pytest.approx(7 * 6 * 1.3)


@pytest.mark.parametrize(
    ("tokens", "training", "why"),
    [
        (None, {}, "tokens"),
        (TOKENS, {"baseModel": "accounts/fireworks/models/deepseek-v3"}, "how large"),
    ],
)
def test_what_is_not_known_is_never_nothing(tokens: Any, training: Any, why: str) -> None:
    planned = made(data(tokens), wanted.job(data(tokens), **training))
    assert why in cost(planned, "DPOJob").why
    told = document(planned)
    jsonschema.validate(told, PLAN_SCHEMA)
    assert told["cost"]["training"] == {"low": None, "high": None, "unknown": 1}
    assert [c["cost"] for c in told["changes"]] == [None, None]


def test_orpo_has_no_published_price() -> None:
    said = {
        "dataset": "prefs",
        "trainingConfig": {"baseModel": wanted.BASE},
        "lossConfig": {"method": "ORPO"},
    }
    job = wanted.make("DPOJob", "tune", said, links={"dataset": data()})
    assert "ORPO" in cost(made(data(), job), "DPOJob").why


def test_training_within_the_limit_goes_ahead() -> None:
    assert not made(data(), wanted.job(data()), limit=9.1).blocked


def test_training_above_the_limit_is_refused_with_the_sum() -> None:
    # Two jobs of $7 each: $9.80 to $18.20 together. One alone would be within the limit.
    first, second = wanted.job(data()), wanted.job(data(), "again", epochs=1)
    held = made(data(), first, second, limit=18.0)
    assert {c.address for c in held.blocked} == {first.address, second.address}
    finding = held.blocked[0].blocked[0]
    assert "$18.20" in finding.what
    assert "$18.00" in finding.what
    assert "$9.80 to $18.20" in finding.why
    assert all(c.action is Action.NO_OP and not c.steps for c in held.blocked)
    data_change = held.changes[0]
    assert data_change.action is Action.CREATE


def test_an_amount_of_a_cent_is_said_in_cents() -> None:
    held = made(data(), wanted.job(data()), limit=0.01).blocked[0].blocked[0]
    assert held.what.endswith("above maxCost $0.01")
    held = made(data(), wanted.job(data()), limit=0.0025).blocked[0].blocked[0]
    assert held.what.endswith("above maxCost $0.0025")


def test_a_limit_is_not_passed_by_what_has_no_price() -> None:
    held = made(data(None), wanted.job(data(None)), limit=1e9)
    assert "not known" in held.blocked[0].blocked[0].what


def test_hours_of_serving_do_not_count_against_the_limit() -> None:
    serve = wanted.make("Deployment", "x", {"model": "accounts/a/models/m", "minReplicaCount": 9})
    assert not made(serve, limit=0.01).blocked


def test_the_prices_are_those_of_their_day() -> None:
    from datetime import date  # noqa: PLC0415

    before, after = prices(date(2026, 8, 31)), prices(date(2026, 9, 1))
    assert (before.gpu_hours["NVIDIA_H100_80GB"], after.gpu_hours["NVIDIA_H100_80GB"]) == (7, 8)
    assert after.since == "2026-09-01"
    assert prices() == after


def test_costs_stand_in_the_document_to_a_hundredth_of_a_cent() -> None:
    small = Tokens(prompt=1_111, preferred=2_222, other=3_333)
    said = document(made(data(small), wanted.job(data(small))))
    found = cost(made(data(small), wanted.job(data(small))), "DPOJob")
    assert said["changes"][1]["cost"] == {
        "low": round(found.low, 4),
        "high": round(found.high, 4),
        "per": str(found.per),
        "basis": found.basis,
    }
    assert 0 < said["changes"][1]["cost"]["low"] < 0.1
    unknown = document(made(data(None), wanted.job(data(None))))["changes"][1]
    assert (unknown["cost"], unknown["unpriced"]) == (
        None,
        "the tokens of its dataset are not known here",
    )


def test_what_the_plan_pins_says_so() -> None:
    pinned = [f for f in made(data(), JOB, wanted.deployment(JOB)).changes[-1].fields if f.reason]
    assert ("deploymentShape", SHAPE, "pinned by the plan") in [
        (field.path, field.after, field.reason) for field in pinned
    ]
