"""DPO as a job on a Ray cluster: the training of the `trl` trainer, somewhere else.

All that has to be open is the cluster's dashboard port, where `ray job submit` goes too. A
training is one Ray job, and its name is the training's own, so it is found again by name: by the
next run, on another machine, with nothing kept in between. A second run follows the job that the
first one began.

How things travel, on a plain `ray start --head` with no storage of its own:

- There: the pairs, the order and the adapter to go on from are the job's `working_dir`, which
  Ray uploads; 100 MiB zipped is what its dashboard takes. Weights are named, never sent.
- While it trains: each step is a line in the job's own log (`marks`).
- Back: the job hands the adapter to the head node, into Ray's log folder, and it is read through
  the dashboard's log files. The Jobs API has no way to fetch a file; Ray Client needs another
  port, and the same Python and Ray on both sides; an adapter is too large for a log. It is
  the head's disk and not that of the node that trained, because an autoscaler takes an idle
  node away in minutes, and the run that asks may come hours later.

The training itself stays on the node (`~/.dpo-ops/training`), so the next attempt there goes on
from its checkpoint. With `DPO_OPS_RAY_STORAGE`, a folder that all nodes share, any node can.
"""

from dpo_ops.trainers.ray.trainer import Ray

__all__ = ["Ray"]
