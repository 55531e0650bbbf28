"""Falls by the wearable alone: trials of public sets through the chain of ``watch``.

    trial ─┬▶ the chain, with a wearable and no camera ─▶ falls
           └▶ the plain rule ─▶ falls

What belongs here: how trials are watched, the rule, and the report. The readers of the
sets are in ``data.trials``.
"""
