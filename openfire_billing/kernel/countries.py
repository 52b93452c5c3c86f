"""Countries: their code (ISO 3166-1, two letters) and their name in French."""

from openfire_billing.kernel.folding import fold

HOME = "FR"
_TABLE = """
AF Afghanistan|ZA Afrique du Sud|AL Albanie|DZ Algérie|DE Allemagne|AD Andorre|AO Angola|AG Antigua-et-Barbuda
SA Arabie saoudite|AR Argentine|AM Arménie|AW Aruba|AU Australie|AT Autriche|AZ Azerbaïdjan|BS Bahamas|BH Bahreïn
BD Bangladesh|BB Barbade|BE Belgique|BZ Belize|BJ Bénin|BM Bermudes|BT Bhoutan|BY Biélorussie|BO Bolivie
BA Bosnie-Herzégovine|BW Botswana|BR Brésil|BN Brunei|BG Bulgarie|BF Burkina Faso|BI Burundi|KH Cambodge|CM Cameroun
CA Canada|CV Cap-Vert|CL Chili|CN Chine|CY Chypre|CO Colombie|KM Comores|CG Congo|CD Congo (République démocratique)
KP Corée du Nord|KR Corée du Sud|CR Costa Rica|CI Côte d'Ivoire|HR Croatie|CU Cuba|CW Curaçao|DK Danemark|DJ Djibouti
DM Dominique|EG Égypte|AE Émirats arabes unis|EC Équateur|ER Érythrée|ES Espagne|EE Estonie|SZ Eswatini|US États-Unis
ET Éthiopie|FJ Fidji|FI Finlande|FR France|GA Gabon|GM Gambie|GE Géorgie|GH Ghana|GI Gibraltar|GR Grèce|GD Grenade
GL Groenland|GT Guatemala|GG Guernesey|GN Guinée|GW Guinée-Bissau|GQ Guinée équatoriale|GY Guyana|HT Haïti|HN Honduras
HK Hong Kong|HU Hongrie|IM Île de Man|MU Île Maurice|FO Îles Féroé|MH Îles Marshall|SB Îles Salomon|IN Inde
ID Indonésie|IQ Irak|IR Iran|IE Irlande|IS Islande|IL Israël|IT Italie|JM Jamaïque|JP Japon|JE Jersey|JO Jordanie
KZ Kazakhstan|KE Kenya|KG Kirghizistan|KI Kiribati|XK Kosovo|KW Koweït|LA Laos|LS Lesotho|LV Lettonie|LB Liban
LR Liberia|LY Libye|LI Liechtenstein|LT Lituanie|LU Luxembourg|MO Macao|MK Macédoine du Nord|MG Madagascar|MY Malaisie
MW Malawi|MV Maldives|ML Mali|MT Malte|MA Maroc|MR Mauritanie|MX Mexique|FM Micronésie|MD Moldavie|MC Monaco
MN Mongolie|ME Monténégro|MZ Mozambique|MM Myanmar|NA Namibie|NR Nauru|NP Népal|NI Nicaragua|NE Niger|NG Nigeria
NO Norvège|NZ Nouvelle-Zélande|OM Oman|UG Ouganda|UZ Ouzbékistan|PK Pakistan|PW Palaos|PS Palestine|PA Panama
PG Papouasie-Nouvelle-Guinée|PY Paraguay|NL Pays-Bas|PE Pérou|PH Philippines|PL Pologne|PR Porto Rico|PT Portugal
QA Qatar|CF République centrafricaine|DO République dominicaine|CZ République tchèque|RO Roumanie|GB Royaume-Uni
RU Russie|RW Rwanda|KN Saint-Christophe-et-Niévès|SM Saint-Marin|VC Saint-Vincent-et-les-Grenadines|LC Sainte-Lucie
SV Salvador|WS Samoa|ST Sao Tomé-et-Principe|SN Sénégal|RS Serbie|SC Seychelles|SL Sierra Leone|SG Singapour
SK Slovaquie|SI Slovénie|SO Somalie|SD Soudan|SS Soudan du Sud|LK Sri Lanka|SE Suède|CH Suisse|SR Suriname|SY Syrie
TJ Tadjikistan|TW Taïwan|TZ Tanzanie|TD Tchad|TH Thaïlande|TL Timor oriental|TG Togo|TO Tonga|TT Trinité-et-Tobago
TN Tunisie|TM Turkménistan|TR Turquie|TV Tuvalu|UA Ukraine|UY Uruguay|VU Vanuatu|VA Vatican|VE Venezuela|VN Viêt Nam
YE Yémen|ZM Zambie|ZW Zimbabwe
"""
COUNTRIES = {
    entry[:2]: entry[3:] for row in _TABLE.strip().splitlines() for entry in row.split("|")
}  # in the order of their names
_ALSO = {"angleterre": "GB", "grande bretagne": "GB", "uk": "GB", "usa": "US", "hollande": "NL", "tchequie": "CZ"}
_CODES = {fold(name): code for code, name in COUNTRIES.items()} | {code.lower(): code for code in COUNTRIES} | _ALSO


def country_name(code: str) -> str:
    """Return the French name of a country; its code when it is not in the table."""
    return COUNTRIES.get(code, code)


def country_code(text: str) -> str | None:
    """Return the code of a country by its name or its code, without accents or case; None for any other text."""
    return _CODES.get(fold(text))
