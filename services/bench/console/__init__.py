"""The console beside a real hub: how soon an alarm sounds, and what its tiles cost.

    Ward ──reports──▶ hub ──store──▶ console ──┬──▶ a browser that sounds   (sound)
                                               └──▶ streams of pages        (tiles)

Hub and console are processes of their own, as in a real site.
"""
