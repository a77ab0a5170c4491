"""Whether words name something to do ("call Anna") or a thing ("the meeting")."""

from __future__ import annotations

from app.services.language_model.local.templates import word_list

VERBS = frozenset(
    word_list("""
        add answer apply arrange ask attend back bake be book bring build buy call cancel change
        charge check choose clean close collect complete confirm contact cook cut defrost
        deliver deposit discuss do download draft drink drive drop eat email empty feed fetch
        file fill find finish fix fold follow get give go grab have help hire install invite
        iron join keep learn leave let listen lock look mail make meet message move mow open
        order organise organize pack paint park pay phone pick plan plant post practice practise
        prepare print prune put read register renew repair replace reply request reserve return
        review ring run schedule see sell send set ship shop show sign sort speak start stop
        study submit sweep switch take talk tell text thank throw train transfer try turn unpack
        update upload use vacuum visit vote wait wake walk wash watch water wish withdraw work
        wrap write
    """)
)
"""What people have themselves reminded of. Words that are missing cost a colon in the read-back, no more."""


def is_task(text: str) -> bool:
    """Whether it can follow "remind you to"."""
    first, _, rest = text.partition(" ")
    return bool(rest) and first.lower() in VERBS
