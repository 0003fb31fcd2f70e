"""A tale, songs and word lists in Mandarin, a tone language that eSpeak NG speaks from pinyin, with English glosses.

Sentences are frames with slots, so that a tale can be as long as it must be. The text is our own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said, and what it means."""

    pinyin: str
    english: str


_WHO = (
    ("lao3 ren2", "the old man"),
    ("hai2 zi5", "the child"),
    ("ma1 ma5", "the mother"),
    ("mu4 tong2", "the shepherd"),
    ("lao3 hu3", "the tiger"),
    ("hu2 li5", "the fox"),
    ("hou2 zi5", "the monkey"),
    ("da4 lang2", "the wolf"),
    ("bai2 ma3", "the white horse"),
    ("xiao3 niao3", "the little bird"),
    ("lie4 ren2", "the hunter"),
    ("guo2 wang2", "the king"),
)
_WHAT = (
    ("huo3 ba3", "the torch"),
    ("tao2 zi5", "the peaches"),
    ("jin1 dou4", "the golden beans"),
    ("shui3 tong3", "the bucket"),
    ("da4 men2", "the gate"),
    ("cha2 bei1", "the teacup"),
    ("gong1 jian4", "the bow"),
    ("bao3 shi2", "the jewel"),
    ("mi3 fan4", "the rice"),
    ("mao2 tan3", "the blanket"),
)
_WHERE = (
    ("shan1 shang4", "on the mountain"),
    ("he2 bian1", "by the river"),
    ("shu4 xia4", "under the tree"),
    ("cun1 li5", "in the village"),
    ("sen1 lin2 li5", "in the forest"),
    ("men2 kou3", "at the door"),
    ("cao3 di4 shang5", "on the meadow"),
    ("hu2 bian1", "by the lake"),
)
_WHEN = (
    ("zao3 shang5", "in the morning"),
    ("wan3 shang5", "in the evening"),
    ("di4 er4 tian1", "the next day"),
    ("dong1 tian1", "in winter"),
    ("guo4 le5 san1 nian2", "three years later"),
    ("yi1 hui3 er2", "after a while"),
)
_FRAMES = (
    ("{when}, {who} zou3 dao4 {where}.", "{when} {who} went and stood {where}."),
    ("{who} kan4 jian4 {what}.", "{who} saw {what}."),
    ("{who} dui4 {whom} shuo1, wo3 yao4 {what}.", "{who} said to {whom}: I want {what}."),
    ("{who} ba3 {what} fang4 zai4 {where}.", "{who} put {what} down {where}."),
    ("{where} you3 yi1 zhi1 niao3, ta1 zai4 chang4 ge1.", "{where} there was a bird, and it sang."),
    ("{who} bu4 zhi1 dao4 {whom} zai4 na3 li3.", "{who} did not know where {whom} was."),
    ("{who} ku1 le5, {whom} xiao4 le5.", "{who} wept, and {whom} laughed."),
    ("{when}, {who} he2 {whom} chi1 fan4.", "{when} {who} and {whom} ate."),
    ("{who} pao3 de5 hen3 kuai4, zhao3 dao4 le5 {what}.", "{who} ran fast, and found {what}."),
    ("{who} gei3 {whom} {what}.", "{who} gave {whom} {what}."),
)
_OPENING = Sentence("cong2 qian2, shan1 shang4 zhu4 zhe5 yi1 ge5 lao3 ren2.", "once an old man lived on a mountain.")
_CLOSING = Sentence("gu4 shi5 jiang3 wan2 le5.", "the tale is told.")
_SLOTS = {"who": _WHO, "whom": _WHO, "what": _WHAT, "where": _WHERE, "when": _WHEN}
_SLOT = re.compile(r"\{(\w+)\}")

_VERSES = (
    ("shan1 gao1 shui3 chang2, {where}.", "high hills, long waters, {where}."),
    ("{who} a5, ni3 zai4 na3 li3.", "{who}, oh, where are you."),
    ("yue4 liang4 chu1 lai2, {where}.", "the moon comes out {where}."),
    ("wo3 de5 xin1 li5 you3 {what}.", "in my heart there is {what}."),
    ("hua1 kai1 hua1 luo4, {when}.", "flowers bloom and fall {when}."),
    ("feng1 chui1 {where}, a5.", "wind blows {where}, oh."),
)

WORD_LISTS: dict[str, tuple[Sentence, ...]] = {
    topic: tuple(Sentence(*pair.split("=")) for pair in text.split(";"))
    for topic, text in {
        "animals": "ma3=horse;niu2=cow;yang2=sheep;zhu1=pig;gou3=dog;mao1=cat;ji1=hen;ya1 zi5=duck;yu2=fish;niao3=bird;"
        "she2=snake;hu3=tiger;hou2 zi5=monkey;lang2=wolf;da4 xiang4=elephant;tu4 zi5=hare;lao3 shu3=mouse;feng1=bee;"
        "ying1=eagle;lu4=deer;"
        "qing1 wa1=frog;hu2 die2=butterfly",
        "body": "tou2=head;yan3=eye;er3 duo5=ear;bi2 zi5=nose;kou3=mouth;shou3=hand;jiao3=foot;tui3=leg;xin1=heart;"
        "gu3 tou5=bone;ya2=tooth;she2 tou5=tongue;lian3=face;du4 zi5=belly;bei4=back;tou2 fa5=hair;shou3 zhi3=finger;"
        "jian1=shoulder;bo2 zi5=neck;pi2=skin;xue4=blood;xi1 gai4=knee",
        "house": "men2=door;chuang1=window;qiang2=wall;zhuo1 zi5=table;yi3 zi5=chair;chuang2=bed;wan3=bowl;kuai4 zi5="
        "chopsticks;dao1=knife;guo1=pot;deng1=lamp;huo3=fire;shui3=water;cha2=tea;mi3=rice;you2=oil;yan2=salt;tang2=sugar;"
        "shu1=book;bi3=pen;zhi3=paper;yi1 fu5=clothes",
    }.items()
}
"""Topic -> words of an elicitation, in the order in which they are asked for."""


def tale(num_sentences: int, rng: np.random.Generator) -> list[Sentence]:
    """A tale with an opening and a close."""
    return [_OPENING, *_lines(_FRAMES, max(0, num_sentences - 2), rng), _CLOSING]


def retold(sentences: list[Sentence], rng: np.random.Generator, changed: float = 0.15) -> list[Sentence]:
    """The same tale told again: a share of its sentences comes out otherwise."""
    inner = [_filled(_FRAMES, rng) if rng.random() < changed else sentence for sentence in sentences[1:-1]]
    return [sentences[0], *inner, sentences[-1]]


def song(num_lines: int, rng: np.random.Generator) -> list[Sentence]:
    """Lines of verse."""
    return _lines(_VERSES, num_lines, rng)


def _lines(frames: tuple[tuple[str, str], ...], count: int, rng: np.random.Generator) -> list[Sentence]:
    """Sentences from frames, none of which follows one of its own frame."""
    lines, last = [], -1
    for _ in range(count):
        last = int(rng.choice([place for place in range(len(frames)) if place != last]))
        lines.append(_filled((frames[last],), rng))
    return lines


def _filled(frames: tuple[tuple[str, str], ...], rng: np.random.Generator) -> Sentence:
    pinyin, english = frames[int(rng.integers(len(frames)))]
    taken: dict[str, tuple[str, str]] = {}
    for slot in sorted(set(_SLOT.findall(pinyin))):
        choices = [choice for choice in _SLOTS[slot] if choice not in taken.values()]
        taken[slot] = choices[int(rng.integers(len(choices)))]
    pinyin = _SLOT.sub(lambda match: taken[match[1]][0], pinyin)
    english = _SLOT.sub(lambda match: taken[match[1]][1], english)
    return Sentence(pinyin, english)
