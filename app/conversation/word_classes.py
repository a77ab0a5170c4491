"""English words by what they do in a sentence, as far as it tells whether more must follow. No I/O."""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


FILLERS = _set("um uh uhm er erm eh hmm hm mm mmm well like")
CONJUNCTIONS = _set(
    """and or but nor because cause if when while unless until till although though whereas since whether than
    plus except also as so"""
)
DETERMINERS = _set(
    """the a an my your our their its every each some any no which whose both either neither another several
    these those this his her"""
)
PREPOSITIONS = _set(
    """of for from with without at by on in into onto about to during between among across behind near beside
    against toward towards via per regarding concerning including under over around after before through
    since"""
)
STRANDED = _set("with for from about on in at")
"""Prepositions with which a question may end: "who is it for"."""
TITLES = _set("mister mr missus mrs ms miss dr saint st")
END_NOTHING = (CONJUNCTIONS - {"so"}) | TITLES | _set("the a an my your our their its every each whose")
"""Words that something follows, whatever stands before."""
NEEDS_MORE = _set(
    """very really quite too not never almost nearly only just even exactly maybe perhaps probably definitely
    possibly mostly rather such more next last new upcoming main whole entire few lot bit couple bunch nice
    thank best worst own real then i'd he'd she'd we'd they'd you'd half past quarter double triple dear"""
)
"""Adverbs, adjectives and numerals that stand before what they are about."""
MAY_END = _set(
    "not really too more exactly maybe probably definitely possibly lot whole never nice best own then"
)
"""Those of them with which an answer may end: "not really", "me too"."""
SUBJECTS = _set("i he she we they you it this that these those there who everyone everybody someone somebody")
ONLY_SUBJECTS = _set("i he she we they there who")
AUXILIARIES = _set(
    """is are was were am be been being do does did have has had can could will would shall should may might
    must isn't aren't wasn't weren't don't doesn't didn't haven't hasn't hadn't can't couldn't won't wouldn't
    shouldn't mustn't cannot gonna wanna gotta"""
)
BEGIN_NO_QUESTION = _set("had were been be being gonna wanna gotta")
"""Auxiliaries that begin no question, or none that stands alone: "had he married", "were he"."""
CONTRACTIONS = _set(
    """i'm you're he's she's it's we're they're that's there's here's what's who's where's when's how's let's
    i'll you'll he'll she'll it'll we'll they'll that'll i've you've we've they've"""
)
ASKING = _set("what who when where why which how whose whom what's who's where's when's how's")
MODAL = _set("can could will would do does did should shall may")
OBJECTS = _set("it that them everything all this one both")

TRANSITIVE = _set(
    """want wants wanted need needs needed get gets give gives take takes took make makes made put puts send
    sends sent bring brings buy buys bought set sets add adds remind reminds tell tells told ask asks asked
    say says said note mean means meant think thinks thought hope hopes believe guess wonder wondering like
    likes love loves prefer prefers schedule book let find keep has having getting making taking putting
    sending giving telling buying visit contact email text message enter includes become becomes became seems
    seem looks sounds invite order include write remember try trying"""
)
"""Verbs after which what they are about must come, if it was not named before ("what did you say")."""
GIVING = _set("buy get give send bring make take read show with find book cancel")
"""Verbs after which "her" is whose something is."""
REPORTING = _set(
    """said say says note think thought know sure noting told tell is was are remind remember that's down so
    mean hope believe see mention let reminder message saying like wish afraid"""
)
"""Words after which "that" begins what is said or thought."""
WITH_PARTICLE = _set(
    "turn turned switch hold go come move hang log sign carry put going coming take call pick"
)
"""Verbs that go with "on", "in", "over": "turn it on"."""

OPENERS = FILLERS | _set(
    """yes yeah yep yup no nope okay ok sure right great perfect alright and but so then also oh ah now
    thanks i mean hi hello hey sorry actually wait listen please look excuse"""
)
"""What may stand before what is wanted."""

MONTHS = _set(
    """january february march april may june july august september october november december
    jan feb mar apr jun jul aug sep sept oct nov dec"""
)
PARTS_OF_DAY = _set("morning afternoon evening night noon midnight tonight midday lunchtime")
SPANS = _set(
    """second seconds minute minutes hour hours day days week weeks month months year years dollar dollars
    percent people persons meters miles kilometers euros pounds times"""
)
ORDINALS = _set(
    """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth
    fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth"""
)
