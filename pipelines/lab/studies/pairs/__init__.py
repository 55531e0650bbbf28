"""Two people in one view: a fall of one is found, a carer who kneels raises none.

    pair ─▶ film ─▶ the chain of ``watch`` ─┬─▶ events ─▶ found, missed, false
                                            └─▶ people in view ─▶ sightings ─▶ reasons

What belongs here: how cases are watched, where the finder saw the two people, and the
record and report. The lives and the pictures come from ``simulation``.
"""
