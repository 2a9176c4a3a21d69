"""What preflight can find, by stable code. Each has a row in docs/problems.md."""

from enum import StrEnum


class Code(StrEnum):
    """One kind of problem between a mapping and the two systems as they are."""

    HOST_OBJECT_HIDDEN = "host-object-hidden"
    SALESFORCE_OBJECT_HIDDEN = "salesforce-object-hidden"
    HOST_FIELD_MISSING = "host-field-missing"
    SALESFORCE_FIELD_MISSING = "salesforce-field-missing"
    NO_CONVERTER = "no-converter"
    FIELD_MAPPED_TWICE = "field-mapped-twice"
    PAIR_READ_ONLY = "pair-read-only"
    HOST_FIELD_READ_ONLY = "host-field-read-only"
    SALESFORCE_FIELD_READ_ONLY = "salesforce-field-read-only"
    REQUIRED_FIELD_UNMAPPED = "required-field-unmapped"
    REQUIRED_FIELD_WITHOUT_PLACEHOLDER = "required-field-without-placeholder"
    TARGET_SHORTER = "target-shorter"
    DECIMALS_LOST = "decimals-lost"
    OPTIONS_DIFFER = "options-differ"
    MATCH_FIELD_UNUSABLE = "match-field-unusable"
    EXTERNAL_ID_MISSING = "external-id-missing"
    OPT_OUT_HIDDEN = "opt-out-hidden"
    OPT_OUT_READ_ONLY = "opt-out-read-only"
    DELETION_MARK_MISSING = "deletion-mark-missing"
    SCOPE_FIELD_MISSING = "scope-field-missing"
    SCOPE_FIELD_UNUSABLE = "scope-field-unusable"
    SCOPE_SEGMENT_MISSING = "scope-segment-missing"


WARNINGS = frozenset(
    {
        Code.HOST_FIELD_READ_ONLY,
        Code.SALESFORCE_FIELD_READ_ONLY,
        Code.REQUIRED_FIELD_UNMAPPED,
        Code.REQUIRED_FIELD_WITHOUT_PLACEHOLDER,
        Code.TARGET_SHORTER,
        Code.DECIMALS_LOST,
        Code.OPTIONS_DIFFER,
        Code.EXTERNAL_ID_MISSING,
    }
)
"""Codes that suspend nothing: the pair goes on, but some values may not travel as they are."""
