"""A mapping written out and read again is the same mapping, as tables, TOML and JSON."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.mapping.export import dump_mapping, to_json, to_toml
from sidecar.mapping.model import (
    ConflictPolicy,
    ConsentRule,
    Criterion,
    CriterionTest,
    DeletionRule,
    FieldPair,
    HostScope,
    LiftPolicy,
    ObjectMapping,
    ObjectScope,
    OnSalesforceDelete,
    OwnerRule,
    Priority,
    ScopeRecords,
    TooLong,
)
from sidecar.mapping.parse import load_mapping, parse_mapping, parse_mapping_text
from sidecar.mapping.transforms import TRANSFORMS
from sidecar.records import Side

MAPPINGS = Path(__file__).parents[2] / "mappings"
OBJECTS = ("Contact", "Lead", "Person__c")
ONE_VALUE = set(CriterionTest) - {CriterionTest.IS_BLANK, CriterionTest.IN}
names = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(str.strip)


addresses = st.from_regex(r"[a-z'\"\\.]{1,8}@[a-z]{1,8}\.example", fullmatch=True)
owner_rules = st.builds(OwnerRule, st.dictionaries(addresses, addresses, max_size=3), st.none() | addresses)


fields = st.from_regex(r"[A-Z][a-z]{0,8}(__c)?", fullmatch=True)
operands = (
    st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts.filter(str.isprintable)
)
criteria = (
    st.builds(Criterion, fields, st.just(CriterionTest.IS_BLANK), st.tuples(st.booleans()))
    | st.builds(Criterion, fields, st.just(CriterionTest.IN), st.lists(operands, min_size=1, max_size=4).map(tuple))
    | st.builds(Criterion, fields, st.sampled_from(sorted(ONE_VALUE)), st.tuples(operands))
)
moments = st.integers(10**9, 4 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
scopes = (
    st.builds(ObjectScope, st.sampled_from([ScopeRecords.ALL, ScopeRecords.NONE]))
    | st.builds(ObjectScope, st.just(ScopeRecords.NEW), st.none() | moments)
    | st.builds(ObjectScope, st.just(ScopeRecords.FLAGGED), st.none(), fields)
    | st.builds(
        ObjectScope,
        st.just(ScopeRecords.MATCHING),
        st.none(),
        st.none(),
        st.lists(criteria, min_size=1, max_size=3).map(tuple),
    )
)


@st.composite
def field_pairs(draw, objects, name, index):
    carriers = objects if index == 0 else draw(st.lists(st.sampled_from(objects), min_size=1, unique=True))
    same_everywhere = draw(st.booleans())
    priority = draw(st.sampled_from(Priority))
    return FieldPair(
        name=name,
        host=f"h{index}",
        salesforce={each: f"F{index}__c" if same_everywhere else f"F{index}_{each}" for each in carriers},
        priority=priority,
        conflict_policy=draw(st.none() | st.sampled_from(ConflictPolicy)),
        propagate_blanks=draw(st.booleans()),
        enforce=priority is not Priority.BOTH and draw(st.booleans()),
        too_long=draw(st.sampled_from(TooLong)),
        placeholder=draw(st.none() | texts),
        transform=draw(st.none() | st.sampled_from(sorted(TRANSFORMS))),
    )


@st.composite
def mappings(draw):
    objects = tuple(draw(st.lists(st.sampled_from(OBJECTS), min_size=1, unique=True)))
    pair_names = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    marks = draw(st.sampled_from(OnSalesforceDelete))
    host_field = "mark" if marks is OnSalesforceDelete.MARK else draw(st.none() | st.just("mark"))
    return ObjectMapping(
        name=draw(names),
        lane=draw(names.filter(lambda name: name != "people")),
        host_object="contact",
        salesforce_objects=objects,
        fields=tuple(draw(field_pairs(objects, name, index)) for index, name in enumerate(pair_names)),
        match_on=tuple(pair_names[:1]),
        create_in_salesforce=draw(st.none() | st.sampled_from(objects)),
        create_in_host=draw(st.booleans()),
        update=draw(st.frozensets(st.sampled_from(Side))),
        conflict_policy=draw(st.sampled_from(ConflictPolicy)),
        fill_if_empty=draw(st.booleans()),
        external_id=draw(st.none() | st.just("Host_Id__c")),
        consent=draw(
            st.none() | st.builds(ConsentRule, st.just("email"), st.just("Out__c"), st.sampled_from(LiftPolicy))
        ),
        deletion=draw(
            st.just(DeletionRule())
            | st.builds(DeletionRule, st.just(marks), st.just(host_field), st.none() | st.just("Gone__c"))
        ),
        owners=draw(owner_rules),
        scopes={name: scope for name in objects if (scope := draw(scopes)) != ObjectScope()},
        host_scope=draw(st.builds(HostScope, st.none() | texts)),
    )


@settings(deadline=None)
@given(mappings())
def test_a_mapping_survives_tables_toml_and_json(mapping):
    assert parse_mapping(dump_mapping(mapping)) == mapping
    assert parse_mapping_text(to_toml(mapping)) == mapping
    assert parse_mapping_text(to_json(mapping)) == mapping


def test_the_order_of_the_fields_is_kept():
    mapping = load_mapping(MAPPINGS / "people.toml")
    written = tomllib.loads(to_toml(mapping))
    assert list(written["fields"]) == [pair.name for pair in mapping.fields]


def test_what_is_left_at_its_default_is_not_written_out():
    document = dump_mapping(load_mapping(MAPPINGS / "people.toml"))
    assert document["fields"]["email"] == {"host": "email", "salesforce": "Email"}
    assert document["fields"]["company"]["salesforce"] == {"Lead": "Company"}


def test_an_export_can_be_sent_as_json_without_losing_letters():
    mapping = load_mapping(MAPPINGS / "people.toml")
    assert '"placeholder": "Unknown"' in to_json(mapping)
