"""Which converter serves which pair of types: one per kind of value and target type. `CONVERTERS` is the whole truth. Pure."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType

from sidecar.mapping import moments, numbers, texts
from sidecar.mapping.converted import Converter
from sidecar.records import FieldType

_T = FieldType
_CLASSES: Mapping[FieldType, type] = MappingProxyType(
    {_T.NUMBER: Decimal, _T.BOOLEAN: bool, _T.DATE: date, _T.DATETIME: datetime, _T.MULTI_PICKLIST: tuple}
)

CONVERTERS: Mapping[tuple[type, FieldType], Converter] = MappingProxyType(
    {
        (str, _T.TEXT): texts.text_to_text,
        (str, _T.LONG_TEXT): texts.text_to_text,
        (str, _T.EMAIL): texts.text_to_email,
        (str, _T.PHONE): texts.text_to_phone,
        (str, _T.URL): texts.text_to_url,
        (str, _T.NUMBER): numbers.text_to_number,
        (str, _T.BOOLEAN): numbers.text_to_boolean,
        (str, _T.DATE): moments.text_to_date,
        (str, _T.DATETIME): moments.text_to_datetime,
        (str, _T.PICKLIST): texts.text_to_picklist,
        (str, _T.MULTI_PICKLIST): texts.text_to_options,
        (Decimal, _T.NUMBER): numbers.number_to_number,
        (Decimal, _T.BOOLEAN): numbers.number_to_boolean,
        (Decimal, _T.TEXT): numbers.number_to_text,
        (Decimal, _T.LONG_TEXT): numbers.number_to_text,
        (Decimal, _T.PHONE): numbers.number_to_text,
        (Decimal, _T.PICKLIST): numbers.number_to_text,
        (bool, _T.BOOLEAN): numbers.boolean_to_boolean,
        (bool, _T.NUMBER): numbers.boolean_to_number,
        (bool, _T.TEXT): numbers.boolean_to_text,
        (bool, _T.LONG_TEXT): numbers.boolean_to_text,
        (bool, _T.PICKLIST): numbers.boolean_to_text,
        (date, _T.DATE): moments.date_to_date,
        (date, _T.DATETIME): moments.date_to_datetime,
        (date, _T.TEXT): moments.date_to_text,
        (date, _T.LONG_TEXT): moments.date_to_text,
        (datetime, _T.DATETIME): moments.datetime_to_datetime,
        (datetime, _T.DATE): moments.datetime_to_date,
        (datetime, _T.TEXT): moments.datetime_to_text,
        (datetime, _T.LONG_TEXT): moments.datetime_to_text,
        (tuple, _T.MULTI_PICKLIST): texts.options_to_options,
        (tuple, _T.PICKLIST): texts.options_to_picklist,
        (tuple, _T.TEXT): texts.options_to_text,
        (tuple, _T.LONG_TEXT): texts.options_to_text,
    }
)


def value_class(field_type: FieldType) -> type:
    """Return the Python class of a type's canonical values."""
    return _CLASSES.get(field_type, str)
