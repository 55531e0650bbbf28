"""The person finder's errors in rendered pictures beside those that training draws.

    lives ─┬─▶ film ─▶ person finder ─┐
           └─▶ ``finder_errors.see`` ─┴─▶ counts of each view ─▶ figures of both

What belongs here: where the joints of a life are, how errors are counted, and the
comparison. The errors that training draws are in ``poses/finder_errors``.
"""
