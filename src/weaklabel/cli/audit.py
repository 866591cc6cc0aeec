"""`audit …`: how good labels are, by a sample that people label; certificates, and what became of them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from weaklabel.cli.frame import DONE, FAILED, NOTHING, PARTLY, USAGE, Verb, out_page, print_json, say
from weaklabel.cli.gold_desk import open_room, told

if TYPE_CHECKING:
    from weaklabel.audit.tolerances import Tolerance
    from weaklabel.pipeline.desk.room import Desk
    from weaklabel.tracking import TrackingError


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the audit's name")


def _draw_arguments(parser: argparse.ArgumentParser) -> None:
    from weaklabel.audit.design import AIMS, DESIGNS
    from weaklabel.pipeline.audits.files import METHODS
    from weaklabel.pipeline.audits.rows import EVERY

    _name(parser)
    parser.add_argument(
        "--for", dest="method", choices=METHODS, default="figures", help="what it is for (default: figures)"
    )
    parser.add_argument("--size", metavar="N", type=int, help="labels that may be asked for")
    parser.add_argument(
        "--width",
        metavar="W",
        type=float,
        help="instead of --size: half the width of accuracy's interval, 0.03",
    )
    parser.add_argument(
        "--by",
        metavar="COLUMN",
        action="append",
        default=[],
        help="draw from each value of a column apart; may be repeated",
    )
    parser.add_argument(
        "--aim", choices=AIMS, default="accuracy", help="what labels are shared out for (default: accuracy)"
    )
    parser.add_argument(
        "--design", choices=DESIGNS, help="how rows are drawn (default: chosen, and said why)"
    )
    parser.add_argument("--error", metavar="E", type=float, help="the error tolerated (default: audit.error)")
    parser.add_argument(
        "--class", dest="classes", metavar="LABEL=E", action="append", default=[],
        help="the error tolerated among rows with a label; may be repeated (default: audit.classes)",
    )  # fmt: skip
    parser.add_argument("--confidence", metavar="C", type=float, help="default: audit.confidence")
    parser.add_argument(
        "--run", metavar="RUN", default="last", help="the run whose labels are judged (default: last)"
    )
    parser.add_argument(
        "--predictions",
        metavar="FILE",
        type=Path,
        help="labels of any system: id, label, if known score and time",
    )
    parser.add_argument(
        "--version", metavar="N", help="the version of the label table whose labels are judged, or latest"
    )
    parser.add_argument(
        "--every", choices=tuple(EVERY),
        help="window that the times of FILE are put into (default: week)",
    )  # fmt: skip
    parser.add_argument(
        "--after",
        metavar="AUDIT",
        help="an earlier audit of such a file, whose windows are shown with this one's",
    )
    parser.add_argument("--plan", action="store_true", help="say what it would be, and record nothing")


def _draw(options: argparse.Namespace) -> int:
    from weaklabel.console_audit import print_asked
    from weaklabel.pipeline.audits.audit import draw_audit
    from weaklabel.pipeline.audits.methods import Wish

    desk = open_room(options)
    wish = Wish(
        method=options.method,
        size=options.size,
        width=options.width,
        by=tuple(options.by),
        aim=options.aim,
        design=options.design,
        tolerance=_tolerance(options, desk),
        confidence=options.confidence,
        run=options.run,
        predictions=options.predictions,
        every=options.every,
        after=options.after,
        version=options.version,
    )
    asked = draw_audit(desk, options.name, wish, dry=options.plan)
    if options.json:
        print_json(asked.to_dict())
    else:
        with out_page() as out:
            print_asked(asked, out)
    return DONE


def _tolerance(options: argparse.Namespace, desk: Desk) -> Tolerance | None:
    """Return the error that the words tolerate; None: they say nothing, and the settings do."""
    from weaklabel.audit.tolerances import Tolerance
    from weaklabel.errors import GoldError

    if options.error is None and not options.classes:
        return None
    schema, classes = desk.room.schema, {}
    for word in options.classes:
        label, _, error = word.rpartition("=")
        try:
            classes[schema.label(schema.code(label, where="--class"))] = float(error)
        except ValueError as wrong:
            raise GoldError(f"--class is LABEL=ERROR, not {word!r}", hint="--class spam=0.01") from wrong
    return Tolerance(options.error, classes)


def _next_arguments(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    parser.add_argument("--size", metavar="N", type=int, help="further labels of an audit that is watched")


def _next(options: argparse.Namespace) -> int:
    from weaklabel.console_audit import print_asked
    from weaklabel.pipeline.audits.audit import next_step

    if options.size is not None and options.size < 1:
        say("usage error: --size is 1 or more")
        return USAGE
    asked = next_step(open_room(options), options.name, size=options.size)
    if asked is None:
        told({"audit": options.name, "rows": 0}, [f"audit {options.name} asks for nothing more"], options)
        return NOTHING
    if options.json:
        print_json(asked.to_dict())
    else:
        with out_page() as out:
            print_asked(asked, out)
    return DONE


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    parser.add_argument(
        "--with", dest="others", metavar="AUDIT", action="append", default=[],
        help="an earlier audit of the same rows, whose answers count too; may be repeated",
    )  # fmt: skip


def _show(options: argparse.Namespace) -> int:
    from weaklabel.console_audit import print_shown
    from weaklabel.pipeline.audits.show import show_audit

    found = show_audit(open_room(options), options.name, others=options.others)
    if options.json:
        print_json(found.to_dict())
    else:
        with out_page() as out:
            print_shown(found, out)
    if not found.figures:
        return NOTHING
    return FAILED if found.alarm else _after_logging(found.tracking_error)


def _certify_arguments(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    parser.add_argument(
        "--error", metavar="E", type=float, help="refused unless it is what the audit was drawn for"
    )
    parser.add_argument("--confidence", metavar="C", type=float, help="the same")
    parser.add_argument("--run", metavar="RUN", help="the same")
    parser.add_argument("--version", metavar="N", help="the same, of the label table")


def _certify(options: argparse.Namespace) -> int:
    from weaklabel.console_audit import print_issued
    from weaklabel.pipeline.audits.certify import certify_audit

    found = certify_audit(
        open_room(options),
        options.name,
        error=options.error,
        confidence=options.confidence,
        run=options.run,
        version=options.version,
    )
    if options.json:
        print_json(found.to_dict())
    else:
        with out_page() as out:
            print_issued(found, out)
    logged = _after_logging(found.tracking_error)
    return logged if found.accepted else FAILED


def _verify_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("certificate", metavar="CERTIFICATE", help="certificate.json, or the audit's name")
    parser.add_argument(
        "--run", metavar="RUN", default="last", help="the run to compare with (default: last)"
    )


def _verify(options: argparse.Namespace) -> int:
    from weaklabel.console_audit import print_verified
    from weaklabel.pipeline.audits.certify import verify_audit

    found = verify_audit(open_room(options), options.certificate, run=options.run)
    if options.json:
        print_json(found.to_dict())
    else:
        with out_page() as out:
            print_verified(found, out)
    return DONE if found.holds else FAILED


def _watch(options: argparse.Namespace) -> int:
    from weaklabel.console_audit import print_watched
    from weaklabel.pipeline.audits.show import watch_audit

    found = watch_audit(open_room(options), options.name)
    if options.json:
        print_json(found.to_dict())
    else:
        with out_page() as out:
            print_watched(found, out)
    return FAILED if found.standing.status == "rejected" else DONE


def _again_arguments(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--write", metavar="FILE", type=Path, help="write rows to be adjudicated again, as CSV")
    how.add_argument("--read", metavar="FILE", type=Path, help="read that file, filled in")
    parser.add_argument(
        "--size", metavar="N", type=int, default=60, help="rows to look at again (default: 60)"
    )


def _again(options: argparse.Namespace) -> int:
    from weaklabel.pipeline.audits.again import read_again, write_again

    desk = open_room(options)
    if options.write is not None:
        count = write_again(desk, options.name, options.write, size=options.size)
        line = (
            f"{count} rows in {options.write}: somebody who has not seen the first decision fills in `label`"
        )
        return told({"rows": count, "file": str(options.write)}, [line], options)
    found = read_again(desk, options.name, options.read)
    return told(found.to_dict(), [str(found)], options)


def _close_arguments(parser: argparse.ArgumentParser) -> None:
    from weaklabel.gold.auditing import AFTERWARDS

    _name(parser)
    parser.add_argument(
        "--hand-on",
        choices=AFTERWARDS,
        help="the role that its gold has from now on (default: it stays audit)",
    )


def _close(options: argparse.Namespace) -> int:
    from weaklabel.console import counted
    from weaklabel.pipeline.audits.audit import close

    found = close(open_room(options), options.name, hand_on=options.hand_on)
    lines = [f"audit {options.name} is closed"]
    if options.hand_on:
        lines.append(f"{counted(found.handed_on, 'item')} handed on to {options.hand_on}")
    if found.held:
        stay = "item stays" if found.held == 1 else "items stay"
        lines.append(
            f"{found.held} {stay} gold of role audit: open audits have drawn them too ({', '.join(found.by)})"
        )
    data = {"audit": options.name, "state": "closed", "handed_on": found.handed_on, "held": found.held}
    return told({**data, "held_by": list(found.by)}, lines, options)


def _status(options: argparse.Namespace) -> int:
    from weaklabel.console_audit import print_audits
    from weaklabel.pipeline.audits.audit import status

    found = status(open_room(options))
    if options.json:
        print_json(found)
    elif found:
        with out_page() as out:
            print_audits(found, out)
    else:
        say("no audit yet: weaklabel audit draw NAME --size 200")
    return DONE if found else NOTHING


def _after_logging(error: TrackingError | None) -> int:
    if error is None:
        return DONE
    say(f"not logged: {error}")
    return PARTLY


VERBS = {
    "audit draw": Verb(
        "fix an audit, draw its rows, and share them out to people; --plan only says what it can show",
        "weaklabel audit draw may --size 200",
        _draw,
        _draw_arguments,
    ),
    "audit next": Verb(
        "draw what an audit asks for next: a certificate's second draw, or further rows of one that is watched",
        "weaklabel audit next may-certificate",
        _next,
        _next_arguments,
    ),
    "audit show": Verb(
        "accuracy, quality by label, slice and column, calibration, with intervals (exit 4 when it has changed over time)",
        "weaklabel audit show may",
        _show,
        _show_arguments,
    ),
    "audit certify": Verb(
        "the part of the labels that may be used as it is, with a certificate (exit 4 when there is none)",
        "weaklabel audit certify may-certificate --error 0.05 --confidence 0.95",
        _certify,
        _certify_arguments,
    ),
    "audit verify": Verb(
        "make a certificate again and say what has changed since (exit 4 when it does not hold)",
        "weaklabel audit verify .weaklabel/audits/may-certificate/certificate.json",
        _verify,
        _verify_arguments,
    ),
    "audit watch": Verb(
        "where an audit stands that may be looked at at any time: certified, rejected (exit 4), or how many more",
        "weaklabel audit watch june",
        _watch,
        _name,
    ),
    "audit again": Verb(
        "a blind second adjudication of some of an audit's rows: how often gold itself is wrong",
        "weaklabel audit again may --write again.csv --size 60",
        _again,
        _again_arguments,
    ),
    "audit close": Verb(
        "close an audit, and hand its gold on",
        "weaklabel audit close may --hand-on calibrate",
        _close,
        _close_arguments,
    ),
    "audit status": Verb(
        "where each audit stands, and what to do next", "weaklabel audit status task=support", _status
    ),
}
