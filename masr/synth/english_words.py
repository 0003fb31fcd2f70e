"""The words of the embedded English: what every topic shares, and what belongs to one."""

from __future__ import annotations

from dataclasses import dataclass


def _list(words: str) -> tuple[str, ...]:
    return tuple(words.split())


NAMES = _list("anna tom mary james ruth henry clara peter alice martin emma simon nora david helen oscar")
"""First names, of women and men in turn."""
KIN = _list("mother father sister brother uncle aunt cousin grandmother grandfather neighbour")
TIMES = (
    "in the morning",
    "that evening",
    "before dawn",
    "late at night",
    "on monday",
    "on friday",
    "last summer",
    "one winter day",
    "after a while",
    "for a long time",
    "in those years",
    "at noon",
    "the next day",
    "once again",
    "at last",
    "in early spring",
    "all through autumn",
    "long ago",
)
ADVERBS = _list(
    "slowly quietly quickly suddenly carefully gladly badly softly proudly sadly often almost never always hardly"
)
FEELINGS = _list(
    "happy tired afraid angry silent honest proud careful hungry lonely ready sorry certain surprised calm"
)
MIND = _list("knew thought hoped said believed feared heard remembered understood felt")
UNITS = _list("one two three four five six seven eight nine")
TEENS = _list("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
TENS = _list("twenty thirty forty fifty sixty seventy eighty ninety")
WHEN = _list("when after before because although until while since")
WEATHER = (
    "the rain had stopped",
    "the wind was cold",
    "the sun came up",
    "the snow lay deep",
    "the sky grew dark",
    "the moon was bright",
    "it was still early",
    "the storm came near",
    "the fog was thick",
    "nobody was looking",
    "the light was fading",
    "everything was ready",
)
PLACES = _list("house road village room door window garden street corner bridge field hill")
THINGS = _list("book letter box chair table cup coat stone picture key clock bag")
QUALITIES = _list("old young small great new little strange beautiful heavy quiet dark white red plain")
DEEDS = _list("found took saw left wanted brought carried lost kept watched")
MOVES = _list("walked stood waited sat turned stayed went came")


@dataclass(frozen=True, slots=True)
class Words:
    """What one topic speaks of; every verb stands in the past tense, so that nothing has to agree."""

    people: tuple[str, ...]
    things: tuple[str, ...]
    many: tuple[str, ...]
    """Plurals that can be counted."""
    places: tuple[str, ...]
    qualities: tuple[str, ...]
    deeds: tuple[str, ...]
    """Verbs with an object."""
    moves: tuple[str, ...]
    """Verbs without an object."""


def _words(people: str, things: str, many: str, places: str, qualities: str, deeds: str, moves: str) -> Words:
    return Words(*map(_list, (people, things, many, places, qualities, deeds, moves)))


READ = {
    "sea": _words(
        "sailor captain fisherman pilot mate",
        "boat sail rope anchor net lamp compass mast oar",
        "waves ships islands gulls miles sailors",
        "harbour shore sea deck beach cliff lighthouse island",
        "wet salt deep grey wide rough",
        "steered hauled mended sank tied",
        "sailed drifted rowed swam floated",
    ),
    "farm": _words(
        "farmer shepherd miller boy widow",
        "horse plough cow basket apple fence wheel bucket lamb",
        "sheep apples acres hens sacks fields",
        "barn meadow orchard mill stable well pasture yard",
        "green ripe muddy gentle wooden fat",
        "planted fed sold gathered milked",
        "worked rested grew dug slept",
    ),
    "city": _words(
        "clerk banker driver beggar shopkeeper",
        "carriage newspaper ticket coin lantern hat bell parcel umbrella",
        "shops people windows streets houses trains",
        "market square station tower office theatre hotel avenue",
        "busy narrow rich poor noisy famous",
        "bought paid printed counted built",
        "hurried shouted arrived gathered vanished",
    ),
    "forest": _words(
        "hunter woodcutter hermit stranger ranger",
        "axe branch fire bird fox path trail leaf nest",
        "trees wolves owls leaves berries steps",
        "forest clearing cave hut valley stream pond thicket",
        "wild thick hollow green fallen silver",
        "chased followed cut lit heard",
        "climbed ran hid crept wandered",
    ),
    "court": _words(
        "king queen duke servant knight",
        "crown sword ring throne banner cup gate feast promise",
        "soldiers guests horses castles candles gifts",
        "castle hall palace tower chapel courtyard dungeon kingdom",
        "royal noble golden brave cruel ancient",
        "ruled praised gave refused guarded",
        "bowed knelt fought laughed wept",
    ),
    "journey": _words(
        "traveller guide merchant pilgrim rider",
        "map tent mule blanket wagon bottle saddle rifle spoon",
        "mountains rivers days camels villages nights",
        "desert border pass inn river plain camp frontier",
        "distant dusty steep endless dry unknown",
        "crossed reached drew hired packed",
        "travelled camped returned departed halted",
    ),
    "letters": _words(
        "poet author painter singer stranger",
        "poem novel page song pen desk portrait story violin",
        "words verses pages songs readers colours",
        "library study gallery stage garret school cottage studio",
        "tender clever true brilliant simple modern",
        "wrote read sang painted copied",
        "dreamed smiled whispered listened spoke",
    ),
    "home": _words(
        "child maid nurse baby doctor",
        "candle blanket kettle mirror doll piano carpet pillow stove",
        "children plates chairs candles stairs flowers",
        "kitchen parlour attic cellar nursery porch bedroom staircase",
        "warm kind soft clean broken pale",
        "washed opened closed hugged polished",
        "cried played fell woke sighed",
    ),
}
"""Topics of the read books."""

SPOKEN = {
    "meeting": _words(
        "manager designer customer colleague team",
        "button screen budget price plan design battery remote agenda",
        "users minutes weeks options buttons numbers",
        "meeting office project market group company table board",
        "expensive cheap simple useful electronic final",
        "discussed agreed tested changed presented",
        "started finished decided talked continued",
    ),
    "lecture": _words(
        "scientist student teacher engineer researcher",
        "brain planet machine idea question cell computer experiment theory",
        "years cells stars genes questions experiments",
        "laboratory world university space future telescope network museum",
        "living scientific curious complex global possible",
        "discovered measured explained invented studied",
        "began evolved failed happened moved",
    ),
    "dinner": _words(
        "friend cook guest wife husband",
        "soup bread salad pan knife cheese oven sauce bottle",
        "onions potatoes friends plates eggs carrots",
        "kitchen table fridge oven sink balcony shop garden",
        "hot fresh sweet spicy delicious cold",
        "cooked ate cut tasted poured",
        "waited laughed talked sat stirred",
    ),
    "news": _words(
        "minister reporter player officer president",
        "bill vote report match record law film phone game",
        "voters countries towns players reports schools",
        "country parliament city stadium airport hospital county capital",
        "public national local political recent serious",
        "won signed reported announced opened",
        "resigned met voted won arrived",
    ),
}
"""Topics of the mismatched test sets: other things are spoken of than in the books."""
