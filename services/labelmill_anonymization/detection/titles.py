"""Forms of address: "Dr.", "Mrs", "Frau". Not professions."""

from __future__ import annotations

from labelmill_anonymization.detection.rules import CASED, CASELESS, Rule

_SCORE = 0.85
_NAME_FOLLOWS = r"(?=\s+(?:(?:van|von|de|der|den|di|da|del|la|le|el|al|bin|ibn|St\.?|O['’])[\s]?)*\p{Lu})"
_ALWAYS = (
    r"(?:Mr|Mrs|Ms|Mx|Messrs|Mme|Mlle|Mmes|Sra|Srta|Hr|Fr(?:äu)?l|Dott(?:\.?ssa)?|Sig(?:\.ra|\.na)|Dipl\.?-?\s?Ing)"
)
_BEFORE_NAMES = (
    r"(?:Miss|Dr|Drs|Doctor|Prof|Professor|Professors|Sir|Dame|Madam|Lord|Lady|Rev|Reverend|Fr|Father|Sister|Brother|"
    r"Rabbi|Imam|"
    r"Hon|Honou?rable|Capt|Captain|Sgt|Sergeant|Lt|Lieutenant|Cpl|Col|Colonel|Gen|General|Maj|Major|Cmdr|Commander|"
    r"Adm|Admiral|"
    r"Sen|Senator|Rep|Gov|Governor|Pres|President|Judge|Justice|Officer|Det|Detective|Insp|Inspector|Ambassador|Amb|"
    r"Chancellor|"
    r"Herr|Herrn|Frau|Fräulein|Sr|Señor|Señora|Señorita|Don|Doña|D|Dña|M|Monsieur|Madame|Mademoiselle|Maître|Me|"
    r"Sig|Signor|Signore|Signora|Signorina|Dottore|Dottoressa|Ing|Avv|Ingegnere|Avvocato|Univ\.?\s?Prof|PD|Mag)"
)

RULES = (
    Rule("TITLE", "TitleRecognizer", rf"(?<![\p{{L}}\d.'’-]){_ALWAYS}(?:\.|(?![\p{{L}}\d]))", _SCORE, flags=CASED),
    Rule(
        "TITLE",
        "TitleBeforeNameRecognizer",
        rf"(?<![\p{{L}}\d.'’-]){_BEFORE_NAMES}(?:\.(?:\s?(?:med|phil|jur|rer\.?\s?nat|habil|h\.?c|Ing)\.)"
        rf"*(?=\s?\p{{Lu}})|{_NAME_FOLLOWS})",
        _SCORE,
        flags=CASED,
        hint=rf"{_BEFORE_NAMES}[.\s]",
    ),
    Rule(
        "TITLE",
        "TitleFieldRecognizer",
        r"\b(?:title|prefix|salutation|anrede|civilit[ée]|tratamiento)\s*[:=]\s*(?P<value>\p{L}{1,10}\.?)(?=\s*(?:$|"
        r"[,;|\n]))",
        _SCORE,
        flags=CASELESS,
    ),
)
