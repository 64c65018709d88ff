"""One layout for spec files: the same data, the same comments in the same places, fewer choices.

The text is never made from the data. Each scalar is copied from the file, and what stands between
two scalars is either a comment, which is kept, or layout, which is written anew. What comes out is
read again and compared before anybody sees it; where it does not say the same, nothing is changed.
"""

from __future__ import annotations

from dpo_ops.loader.layout.files import Layout, lay_out

__all__ = ["Layout", "lay_out"]
