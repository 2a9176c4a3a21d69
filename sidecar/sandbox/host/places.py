"""The countries, states, locales and time zones Mautic accepts."""

from functools import cache
from zoneinfo import available_timezones

from babel import Locale, localedata

# Names that differ from the Unicode ones babel has.
MORE_COUNTRIES = ("Czech Republic", "Turkey", "Macedonia", "Burma", "Ivory Coast", "Hong Kong", "Macau", "Palestine")
REGIONS = """Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|District of Columbia|Florida|Georgia
|Hawaii|Idaho|Illinois|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota
|Mississippi|Missouri|Montana|Nebraska|Nevada|New Hampshire|New Jersey|New Mexico|New York|North Carolina
|North Dakota|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode Island|South Carolina|South Dakota|Tennessee|Texas|Utah
|Vermont|Virginia|Washington|West Virginia|Wisconsin|Wyoming|Alberta|British Columbia|Manitoba|New Brunswick
|Newfoundland and Labrador|Nova Scotia|Ontario|Prince Edward Island|Quebec|Saskatchewan|Baden-Württemberg|Bavaria
|Berlin|Brandenburg|Bremen|Hamburg|Hesse|Lower Saxony|Mecklenburg-Vorpommern|North Rhine-Westphalia
|Rhineland-Palatinate|Saarland|Saxony|Saxony-Anhalt|Schleswig-Holstein|Thuringia|New South Wales|Queensland
|South Australia|Tasmania|Victoria|Western Australia|Bretagne|Corse|Normandie|Occitanie|England|Scotland|Wales
|Northern Ireland"""


@cache
def accepted(kind: str) -> frozenset[str]:
    """Return the values of a field type: country, region, locale or timezone."""
    if kind == "country":
        names = Locale("en").territories
        return frozenset(name for code, name in names.items() if len(code) == 2) | frozenset(MORE_COUNTRIES)
    if kind == "region":
        return frozenset(name.strip() for name in REGIONS.split("|"))
    return frozenset(localedata.locale_identifiers() if kind == "locale" else available_timezones())
