"""What each rule finds, and what looks like it and is left alone. The texts are our own."""

import pytest

from tests.anonymization.detection.detectors import found

FOUND = [
    ("We met at 12 Old Mill Lane yesterday.", "12 Old Mill Lane", "STREET_ADDRESS"),
    ("Ship to 4501 N. Sepulveda Blvd, Apt. 12B please", "4501 N. Sepulveda Blvd, Apt. 12B", "STREET_ADDRESS"),
    ("SHIP TO 77 MASSACHUSETTS AVE", "77 MASSACHUSETTS AVE", "STREET_ADDRESS"),
    ("i live at 45 elm street now", "45 elm street", "STREET_ADDRESS"),
    ("Write to P.O. Box 1178 first", "P.O. Box 1178", "STREET_ADDRESS"),
    ("Unit 4410 Box 2207\nDPO AE 09714", "Unit 4410 Box 2207\nDPO AE", "STREET_ADDRESS"),
    ("Flat 7\n23 Willow mews\nLeeds", "Flat 7\n23 Willow mews", "STREET_ADDRESS"),
    ("Er wohnt Lindenstraße 14a in Bonn", "Lindenstraße 14a", "STREET_ADDRESS"),
    ("Anschrift: Am Alten Markt 3", "Am Alten Markt 3", "STREET_ADDRESS"),
    ("au 8 bis, rue des Lilas", "8 bis, rue des Lilas", "STREET_ADDRESS"),
    ("en la Calle de Serrano, 61", "Calle de Serrano, 61", "STREET_ADDRESS"),
    ("in Via Guglielmo Marconi 7", "Via Guglielmo Marconi 7", "STREET_ADDRESS"),
    ("Boise, ID 83702", "83702", "POSTAL_CODE"),
    ("Boise, ID 83702", "Boise, ID", "LOCATION"),
    ("my zip code is 02139", "02139", "POSTAL_CODE"),
    ("It is near SW1A 1AA.", "SW1A 1AA", "POSTAL_CODE"),
    ("Ottawa ON K1A 0B1", "K1A 0B1", "POSTAL_CODE"),
    ("Surry Hills NSW 2010", "2010", "POSTAL_CODE"),
    ("Ring 3, 50667 Köln", "50667", "POSTAL_CODE"),
    ("Mr. Okafor called.", "Mr.", "TITLE"),
    ("ask Dr Lindqvist", "Dr", "TITLE"),
    ("Sehr geehrte Frau Weber", "Frau", "TITLE"),
    ("He is 43 years old.", "43 years old", "AGE"),
    ("a five-year-old boy", "five-year-old", "AGE"),
    ("Age: 61, weight: 80 kg", "61", "AGE"),
    ("she is 34.", "34", "AGE"),
    ("pt is 67F with cough", "67F", "AGE"),
    ("ein 45-jähriger Mann", "45-jähriger", "AGE"),
    ("due on March 3rd, 2021 at 4:30 pm sharp", "March 3rd, 2021 at 4:30 pm", "DATE_TIME"),
    ("since 3 Sept. 1999", "3 Sept. 1999", "DATE_TIME"),
    ("am 3. Oktober 1990", "3. Oktober 1990", "DATE_TIME"),
    ("le 14 juillet 1989", "14 juillet 1989", "DATE_TIME"),
    ("el 5 de mayo de 2020", "5 de mayo de 2020", "DATE_TIME"),
    ("on 2024-02-29 10:15", "2024-02-29 10:15", "DATE_TIME"),
    ("born in 1974", "1974", "DATE_TIME"),
    ("exp 09/27", "09/27", "DATE_TIME"),
    ("Call 212-555-0123 now.", "212-555-0123", "PHONE_NUMBER"),
    ("Call 020 7946 0958 now.", "020 7946 0958", "PHONE_NUMBER"),
    ("+49 (0)30 901820-0 ist besetzt", "+49 (0)30 901820-0", "PHONE_NUMBER"),
    ("tel. 06 12 34 56 78", "06 12 34 56 78", "PHONE_NUMBER"),
    ("(415) 555-2671 x204", "(415) 555-2671 x204", "PHONE_NUMBER"),
    ("my mobile is 5550123", "5550123", "PHONE_NUMBER"),
    ("612 345 678", "612 345 678", "PHONE_NUMBER"),
    ("My card is 4111 1111 1111 1111.", "4111 1111 1111 1111", "CREDIT_CARD"),
    ("6304939304310009610", "6304939304310009610", "CREDIT_CARD"),
    ("501800000009", "501800000009", "CREDIT_CARD"),
    ("IBAN DE89370400440532013000 2 days", "DE89370400440532013000", "IBAN_CODE"),
    ("iban gb29 nwbk 6016 1331 9268 19", "gb29 nwbk 6016 1331 9268 19", "IBAN_CODE"),
    ("employed by Harrow Lane Textiles Ltd.", "Harrow Lane Textiles Ltd.", "ORGANIZATION"),
    ("bei der Nordwind Energie GmbH & Co. KG", "Nordwind Energie GmbH & Co. KG", "ORGANIZATION"),
    ("Bob joined University of Otago", "University of Otago", "ORGANIZATION"),
    ("by Keller & Sons", "Keller & Sons", "ORGANIZATION"),
    ("her NI number AB 12 34 56 C", "AB 12 34 56 C", "UK_NINO"),
    ("Steuer-ID 86095742719", "86095742719", "DE_TAX_ID"),
    ("DNI 12345678Z", "12345678Z", "ES_NIF"),
    ("NIE X1234567L", "X1234567L", "ES_NIF"),
    ("NIR 2 55 08 14 168 025 38", "2 55 08 14 168 025 38", "FR_NIR"),
    ("CF RSSMRA85T10A562S", "RSSMRA85T10A562S", "IT_FISCAL_CODE"),
    ("MRN: 00123-45", "00123-45", "MEDICAL_RECORD_NUMBER"),
    ("Medicare number 1EG4-TE5-MK73", "1EG4-TE5-MK73", "HEALTH_PLAN_NUMBER"),
    ("member ID: XJ8841207", "XJ8841207", "HEALTH_PLAN_NUMBER"),
    ("account number 0044-118-2", "0044-118-2", "ACCOUNT_NUMBER"),
    ("routing number 021000021", "021000021", "US_BANK_NUMBER"),
    ("driver's license D1234567", "D1234567", "US_DRIVER_LICENSE"),
    ("passport no. C01X00T47", "C01X00T47", "US_PASSPORT"),
    ("license plate 7ABC123 fled", "7ABC123", "LICENSE_PLATE"),
    ("sold 1M8GDM9AXKP042788 today", "1M8GDM9AXKP042788", "VEHICLE_ID"),
    ("IMEI 490154203237518", "490154203237518", "DEVICE_ID"),
    ("serial no. C02-XK1", "C02-XK1", "DEVICE_ID"),
    ("Mail to jane.doe@gmail.com now.", "jane.doe@gmail.com", "EMAIL_ADDRESS"),
    ("Mail to jane@hr.corp.internal now.", "jane@hr.corp.internal", "EMAIL_ADDRESS"),
    ("Server 10.20.30.40 is down.", "10.20.30.40", "IP_ADDRESS"),
    ("My SSN is 219-09-9999", "219-09-9999", "US_SSN"),
]


@pytest.mark.parametrize(("text", "value", "entity_type"), FOUND)
def test_finds(text: str, value: str, entity_type: str) -> None:
    assert found(text, entity_type) == {value: entity_type}


@pytest.mark.parametrize(
    ("text", "entity_type"),
    [
        ("It took 12 long years to drive the way home.", "STREET_ADDRESS"),
        ("She won 3 court cases in a row.", "STREET_ADDRESS"),
        ("The plan costs 12345 dollars.", "POSTAL_CODE"),
        ("In 2014 Apple sold more.", "POSTAL_CODE"),
        ("Miss the bus and sir will be cross", "TITLE"),
        ("It was 34 degrees and 7 years ago", "AGE"),
        ("She is 34% faster, he is 20 km away", "AGE"),
        ("the average is 34.5 points", "AGE"),
        ("the last two years and yesterday", "DATE_TIME"),
        ("it may 12 times fail", "POSTAL_CODE"),
        ("version 1.2 of 10.4", "DATE_TIME"),
        ("on 2024-02-29", "PHONE_NUMBER"),
        ("he called on 12/05/2021", "PHONE_NUMBER"),
        ("it cost 12 345 678 crowns", "PHONE_NUMBER"),
        ("219-09-9999", "PHONE_NUMBER"),
        ("between 1990-2005", "PHONE_NUMBER"),
        ("4111 1111 1111 1112", "CREDIT_CARD"),
        ("IBAN DE88370400440532013000", "IBAN_CODE"),
        ("12345678A", "ES_NIF"),
        ("2 55 08 14 168 025 39", "FR_NIR"),
        ("RSSMRA85T10A562X", "IT_FISCAL_CODE"),
        ("Steuer-ID 86095742710", "DE_TAX_ID"),
        ("86095742719", "DE_TAX_ID"),
        ("BG123456C GB123456C", "UK_NINO"),
        ("1M8GDM9A0KP042788", "VEHICLE_ID"),
        ("490154203237518", "DEVICE_ID"),
        ("the end.In the beginning", "URL"),
    ],
)
def test_leaves_alone(text: str, entity_type: str) -> None:
    assert found(text, entity_type) == {}


@pytest.mark.parametrize("text", ["H12345678 and 12345678", "the public A1234567", "order 123456789012", "1234567890"])
def test_driver_licences_and_bank_numbers_need_their_words(text: str) -> None:
    assert found(text, "US_DRIVER_LICENSE", "US_BANK_NUMBER", "US_PASSPORT") == {}
