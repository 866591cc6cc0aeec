"""Rules that need more than a pattern: counting, comparing, and reading only a part of the message."""

import re

import weaklabel as wl

from ._helpers import newest_part, read_words, sentences, slip_of, words

OWNER = "support-desk"

ONE_WORD = {
    "account": "account", "login": "account", "password": "account", "passwort": "account", "unsubscribe": "account",
    "bill": "billing", "invoice": "billing", "receipt": "billing", "rechnung": "billing", "facture": "billing",
    "delivery": "delivery", "eta": "delivery", "parcel": "delivery", "paket": "delivery", "tracking": "delivery",
    "when": "delivery", "where": "delivery", "help": "delivery", "hello": "delivery", "hi": "delivery",
    "broken": "returns", "refund": "returns", "return": "returns", "exchange": "returns", "warranty": "returns",
    "app": "technical", "crash": "technical", "crashes": "technical", "error": "technical", "bug": "technical",
    "great": "feedback", "thanks": "feedback", "danke": "feedback", "merci": "feedback", "gracias": "feedback",
}  # fmt: skip

OFTEN_MISSPELT = {
    "delivery": "delivery", "delivered": "delivery", "arrived": "delivery", "address": "delivery",
    "tracking": "delivery", "courier": "delivery", "tomorrow": "delivery", "invoice": "billing", "payment": "billing",
    "charged": "billing", "discount": "billing", "voucher": "billing", "membership": "billing",
    "subscription": "billing", "refund": "returns", "exchange": "returns", "damaged": "returns",
    "warranty": "returns", "guarantee": "returns", "replacement": "returns", "battery": "technical",
    "bluetooth": "technical", "notifications": "technical", "firmware": "technical", "crashes": "technical",
    "password": "account", "account": "account", "verification": "account", "unsubscribe": "account",
    "newsletter": "account",
}  # fmt: skip

GOODS = read_words("goods.txt")
OTHER_MATTERS = read_words("other_matters.txt")

KEYS = frozenset((
    "code", "codes", "mail", "email", "e-mail", "mailbox", "password", "pin", "number", "name", "profile", "phone",
))  # fmt: skip
ELSEWHERE = frozenset(("app", "map", "watch", "tracking", "parcel", "membership", "invoice"))

REQUEST = re.compile(
    r"\?|\b(?:pl[ea]*s[e]?|pls|plz|can|could|would you|will you|may i|how do|how can|send|tell me|need|refund|"
    r"cancel|bitte|por favor|merci de|s'il vous|svp|fix|correct|change|remove|delete|want|let me know|look into|"
    r"look at|find out|help|advise|confirm|check|waiting|still)\b",
    re.IGNORECASE,
)
TROUBLE = re.compile(
    r"\b(?:orders?|ordered|parcel|tracking|invoice|charged|billed|twice|bought|paid|payed|card|euros?|crash\w*|error|app|"
    r"page|site|website|checkout|maps?|sync|update|updating|phone|password|log|mail|profile|broken|missing|wrong|chipped|"
    r"loose|bent|size|colou?r|without|left|cracked|delivered|received|send|sent|i'd like|customs|courier|livreur|delivery|"
    r"refund|days?|code|firmware|garantie|rechnung|colis|paket|pedido)\b|#\d|\d{3}|[€£$]",
    re.IGNORECASE,
)

MACHINES = read_words("machines.txt")
MISBEHAVES = re.compile(
    r"\b(?:stops?|stopped|won'?t|wont|doesn'?t|doesnt|does not|can'?t find|cannot find|no longer|not any ?more|anymore|"
    r"keeps?|stuck|shows?|says|reads|reset|restart\w*|reinstall\w*|disappeared|lost|drops|loses|switch(?:es)? (?:off|on)|"
    r"turns? (?:off|on|itself)|how do i|where do i|where is the)\b",
    re.IGNORECASE,
)


@wl.labeling_function(
    owner=OWNER,
    description="A message of one or two words is read as the guideline reads it.",
    fires_on=["Invoice, please", "ETA?!", "passwort"],
    abstains_on=["green", "where is the blue one"],
    tags=["short"],
)
def one_or_two_words(row):
    said = words(row["text"])
    if len(said) > 2:
        return None
    known = {ONE_WORD[word] for word in said if word in ONE_WORD}
    return known.pop() if len(known) == 1 else None


@wl.labeling_function(
    owner=OWNER,
    description="A word that is one slip away from a topic's word, such as delivry or pasword.",
    fires_on=["my delivry is late", "new pasword needed", "where is the voucehr"],
    abstains_on=["my delivery is late", "a plain sentence"],
    tags=["typos"],
)
def misspelt_topic(row):
    said = {word for word in words(row["text"]) if len(word) > 4 and word != "changed"}
    topics = {topic for meant, topic in OFTEN_MISSPELT.items() if any(slip_of(word, meant) for word in said)}
    return topics.pop() if len(topics) == 1 else None


@wl.labeling_function(
    label="returns",
    owner="returns-team",
    description="A thing from the catalogue is named, but nothing of how it travels, what it costs or what it runs on.",
    fires_on=["The kettle whistles in the wrong key", "my gloves are two left ones"],
    abstains_on=["Where is my kettle?", "The driver has my gloves", "The lamp won't pair"],
    tags=["goods"],
)
def only_the_thing(row):
    said = set(words(newest_part(row["text"])))
    return bool(said & GOODS) and not said & OTHER_MATTERS


@wl.labeling_function(
    label="technical",
    owner="app-team",
    description="A machine or a page is named in the same sentence as what it does or no longer does.",
    fires_on=["The watch stopped at noon", "Where do I find the sensor's name? The app doesn't say"],
    abstains_on=["The watch is a present. It stopped raining.", "My sister stopped by"],
    tags=["device"],
)
def machine_misbehaves(row):
    return any(
        not MACHINES.isdisjoint(words(sentence)) and MISBEHAVES.search(sentence)
        for sentence in sentences(newest_part(row["text"]))
    )


@wl.labeling_function(
    label="feedback",
    owner=OWNER,
    fields=["text", "channel", "order_total"],
    description="No order or a review, no question, no request, no word of an open matter: somebody just says something.",
    fires_on=[
        {"text": "Sturdy little stool, my cat agrees.", "channel": "review", "order_total": 30.0},
        {"text": "You were good once.", "channel": "email", "order_total": None},
    ],
    abstains_on=[
        {"text": "Sturdy little stool, my cat agrees.", "channel": "email", "order_total": 30.0},
        {"text": "Sturdy stool, but where is the cushion?", "channel": "review", "order_total": None},
        {"text": "Please send a stool", "channel": "review", "order_total": None},
    ],
    tags=["mood", "columns"],
)
def asks_for_nothing(row):
    if row["order_total"] is not None and row["channel"] != "review":
        return False
    text = newest_part(row["text"])
    return len(words(text)) >= 4 and not REQUEST.search(text) and not TROUBLE.search(text)


@wl.labeling_function(
    label="account",
    owner="account-team",
    fields=["text", "order_total"],
    description="No order, and a code, a mail or a name that does not do: mostly somebody who is kept out.",
    fires_on=[{"text": "The code never comes, is my number the old one?", "order_total": None}],
    abstains_on=[
        {"text": "The code never comes", "order_total": 30.0},
        {"text": "The code of the app is slow", "order_total": None},
    ],
    tags=["access", "columns"],
)
def kept_out_without_order(row):
    if row["order_total"] is not None:
        return False
    said = set(words(row["text"]))
    return bool(said & KEYS) and not said & ELSEWHERE
