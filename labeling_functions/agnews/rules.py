"""Rules that read the shape of a wire report: its dateline, its headline, and how often each topic is touched."""

import re

import weaklabel as wl

DATELINE = re.compile(r"(?:^|[\s\"(])([A-Z][A-Z.]+(?: [A-Z][A-Z.]+){0,2})(?= \(|:|,| --| - |\"|$)")
DESKS = {
    "World": frozenset(
        [
            "BAGHDAD",
            "KIEV",
            "RAMALLAH",
            "VIENNA",
            "KABUL",
            "JERUSALEM",
            "TEHRAN",
            "ISLAMABAD",
            "MANILA",
            "YANGON",
            "BELGRADE",
            "GAZA",
            "HAVANA",
            "KHARTOUM",
            "KINSHASA",
            "CAIRO",
            "WARSAW",
            "MANAMA",
            "SANTIAGO",
            "BEIJING",
            "ISTANBUL",
        ]
    )
    | {"UNITED NATIONS", "NEW DELHI", "GAZA CITY"},
    "Sports": frozenset(
        [
            "HOMESTEAD",
            "MIAMI",
            "CLEVELAND",
            "FOXBORO",
            "FOXBOROUGH",
            "TEMPE",
            "OAKLAND",
            "CINCINNATI",
            "COLUMBUS",
            "DURHAM",
            "TUSCALOOSA",
            "PITTSBURGH",
            "INDIANAPOLIS",
            "ADELAIDE",
            "BRISBANE",
            "KANPUR",
            "MAUI",
            "MILWAUKEE",
            "TAMPA",
        ]
    )
    | {
        "LAKE LOUISE",
        "WEST PALM BEACH",
        "SALT LAKE CITY",
        "SOUTH BEND",
        "EAST LANSING",
        "CHAPEL HILL",
        "GREEN BAY",
    },
    "Business": frozenset(["TORONTO", "SINGAPORE", "FRANKFURT"]) | {"NEW YORK", "HONG KONG"},
    "Sci/Tech": frozenset(["REDMOND", "BANGALORE", "REYKJAVIK", "CUPERTINO"])
    | {"CAPE CANAVERAL", "LAS VEGAS"},
}
CITY_TOPIC = {city: topic for topic, cities in DESKS.items() for city in sorted(cities)}
PLAY = frozenset(
    [
        "game",
        "games",
        "season",
        "team",
        "players",
        "player",
        "coach",
        "fans",
        "league",
        "cup",
        "match",
        "club",
        "bowl",
        "title",
        "round",
        "tour",
        "win",
        "wins",
        "victory",
        "beat",
        "loss",
        "defeat",
        "injury",
        "captain",
        "champion",
    ]
)


def words(text):
    return re.findall(r"[a-z]+", text.lower())


@wl.labeling_function(
    description="The city from which a report is filed, in capitals: some cities file one kind of news.",
    fires_on=["Talks resume. KABUL (Reuters) - The talks", "Shares rest. NEW YORK (Reuters) - Shares"],
    abstains_on=["Talks resume. Kabul is quiet", "LONDON (Reuters) - Anything"],
    tags=["place"],
    owner="experiments",
)
def dateline(row):
    topics = {CITY_TOPIC[city] for city in DATELINE.findall(row["text"]) if city in CITY_TOPIC}
    return topics.pop() if len(topics) == 1 else None


@wl.labeling_function(
    label="Sports",
    description="Three or more different everyday words of games in one short report.",
    fires_on=["The coach keeps the captain for another season"],
    abstains_on=["A season of rain", "Team games"],
    tags=["count"],
    owner="experiments",
)
def talk_of_games(row):
    return len(PLAY.intersection(words(row["text"]))) >= 3
