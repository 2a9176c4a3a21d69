"""The activities document: which events travel, as what, to which object."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.mapping.activities import (
    EVENT_TYPES,
    Target,
    dump_activities,
    load_activities,
    parse_activities,
)
from sidecar.mapping.parse import MappingError

MAPPINGS = Path(__file__).parents[2] / "mappings"


def paths_of(**activities):
    with pytest.raises(MappingError) as caught:
        parse_activities({"activities": activities})
    return [problem.path for problem in caught.value.problems]


def test_the_shipped_document_sends_a_week_to_the_timeline_object():
    mapping = load_activities(MAPPINGS / "activities.toml")
    assert mapping.object_api_name == "mautic_timeline__c"
    assert mapping.first_run_days == 7
    assert mapping.field_api_name("reference_id") == "ReferenceId__c"
    assert mapping.targets["email.read"] is Target.TIMELINE


def test_a_namespace_stands_before_object_and_fields():
    mapping = parse_activities({"activities": {"namespace": "wm"}})
    assert mapping.object_api_name == "wm__mautic_timeline__c"
    assert mapping.field_api_name("lead") == "wm__WhoId__c"


def test_an_event_may_become_something_else_than_the_others():
    mapping = parse_activities(
        {
            "activities": {
                "event_types": ["email.read", "page.hit"],
                "targets": {"page.hit": "off", "form.submitted": "both"},
            }
        }
    )
    assert mapping.targets == {"email.read": "timeline", "page.hit": "off", "form.submitted": "both"}
    assert mapping.event_types == ("email.read", "form.submitted")


def test_every_event_type_may_travel():
    mapping = parse_activities({"activities": {"event_types": list(EVENT_TYPES), "target": "task"}})
    assert set(mapping.targets.values()) == {Target.TASK}
    assert mapping.event_types == EVENT_TYPES


@pytest.mark.parametrize("days", [-1, 366, "7", True, 7.0])
def test_the_first_run_looks_back_a_year_at_most(days):
    assert paths_of(first_run_days=days) == ["activities.first_run_days"]


def test_an_unknown_event_type_comes_with_the_nearest():
    with pytest.raises(MappingError) as caught:
        parse_activities({"activities": {"event_types": ["email.red"]}})
    assert caught.value.problems[0].suggestion == "email.read"


def test_mistakes_are_told_with_their_places():
    wrong = {"targets": {"email.read": "tasks"}, "fields": {"who": "x"}, "object": "mautic_timeline__c"}
    assert sorted(paths_of(**wrong)) == ["activities.fields.who", "activities.object", "activities.targets.email.read"]


def test_a_document_comes_back_the_same():
    mapping = load_activities(MAPPINGS / "activities.toml")
    assert parse_activities(dump_activities(mapping)) == mapping


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["object", "namespace", "first_run_days", "target", "event_types", "targets", "fields", "lane"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
        min_size=1,
    )
)
def test_junk_is_refused_or_understood_and_never_crashes(activities):
    try:
        mapping = parse_activities({"activities": activities})
    except MappingError:
        return
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*__c", mapping.object_api_name)
