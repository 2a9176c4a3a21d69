"""Who takes part: how many people there are on each side, and how many of them the mapping's scope lets in."""

import typer

from sidecar.bootstrap import OpenSides, bootstrap
from sidecar.cli.output import JsonOption, SlugArgument, a_table, errors_told, show
from sidecar.lanes import prepare_rules
from sidecar.mapping.rules import Rules
from sidecar.mapping.scope import Clause
from sidecar.records import Side

NAME = "people"


def register(app: typer.Typer) -> None:
    """Add the command to those of mappings."""
    app.command("scope")(count_scope)


def count_scope(slug: SlugArgument, as_json: JsonOption = False) -> None:
    """Count the people of each side, and who of them the mapping lets take part. Writes nothing."""
    with errors_told():
        services = bootstrap()
        instance = services.instances.get(slug)
        with services.open_sides(instance) as sides:
            rules = prepare_rules(services, instance, NAME, sides)
            rows = [_host_row(sides, rules), *_salesforce_rows(sides, rules)]
        problems = {problem.object: problem.code for problem in rules.problems if problem.code.startswith("scope-")}
        documents = [dict(row, problem=problems.get(str(row["object"]))) for row in rows]
        cells = [tuple(document.values()) for document in documents]
        columns = ("Side", "Object", "Scope", "Records", "In scope", "Problem")
        show(documents, as_json=as_json, table=a_table("Who takes part", columns, cells))


def _host_row(sides: OpenSides, rules: Rules) -> dict[str, object]:
    records, in_scope = sides.host.count(rules)
    name = rules.mapping.host_object
    return _row(Side.HOST, name, rules.clauses(Side.HOST, name), records, in_scope)


def _salesforce_rows(sides: OpenSides, rules: Rules) -> list[dict[str, object]]:
    return [
        _row(Side.SALESFORCE, name, rules.clauses(Side.SALESFORCE, name), counted.records, counted.in_scope)
        for name, counted in sides.salesforce.count(rules).items()
    ]


def _row(side: Side, name: str, clauses: tuple[Clause, ...], records: int, in_scope: int) -> dict[str, object]:
    told = " and ".join(clause.text for clause in clauses) or "all records"
    return {"side": side.value, "object": name, "scope": told, "records": records, "in_scope": in_scope}
