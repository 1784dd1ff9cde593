"""Words before a number that say whether it is a telephone's, in the languages of the corpus."""

from __future__ import annotations

import re

_CALL = (
    r"call(?:ed|ing|s)?|(?:tele|cell|mobile\s?|handy)?phones?|cell|mob(?:ile)?|ph|tel|fax|whatsapp|text|sms|dial|reach|ring"
    r"|tél(?:éphone)?|appel\w{0,3}|numéro|portable|joindre|fixe"
    r"|handy|telefon\w{0,8}|anruf\w{0,3}|rufen|rückruf|mobil\w{0,8}|festnetz|durchwahl"
    r"|telefoon\w{0,8}|bel|mobiel|gsm"
    r"|teléfonos?|móvil|celular|cel|llám\w{0,6}|llam\w{0,6}|márc\w{0,6}|marc(?:a|ar|que)|fone|telefone|ligue|ligar|telemóvel"
    r"|cellulare|chiam\w{0,6}|telefonino|recapito"
    r"|komórk\w{0,3}|kom|dzwoni\w{0,3}|zadzwoni\w{0,3}|ringa?|växel|puh(?:elin)?|tlf|soita"
    r"|тел(?:ефон\w{0,3})?|моб(?:ильный)?|звони\w{0,4}|позвони\w{0,4}|τηλ(?:έφωνο)?|κινητό|cep|ara\w{0,4}"
    r"|मोबाइल|फोन|फ़ोन"
)
_CALL_UNSPACED = "電話|携帯|電話番号|連絡先|电话|手机|座机|拨打|致电|聯絡|联系|手機|전화|휴대폰|연락처|번호는|โทร|มือถือ"

SAYS_PHONE = re.compile(rf"\b(?:{_CALL})\b(?! REDACTED)|{_CALL_UNSPACED}", re.IGNORECASE)

_OTHER = (
    r"order|orders|invoice|ticket|case|ref|reference|tracking|parcel|id|account|acct|booking|serial|sku|isbn|version"
    r"|timestamp|pin|code|ssn|card|iban|routing|sort|epoch|total|amount|zip|policy|contract|customer|error|claim|licen[cs]e"
    r"|passport|barcode|batch|model|part|permit|member(?:ship)?|vat|abn|acn|tfn|bsb|medicare|crn|nhs|utr|gstin|upi|aadhaar"
    r"|bestell\w{0,8}|rechnung\w{0,8}|konto\w{0,8}|kunden\w{0,8}|plz|order-?nr|auftrag\w{0,8}|sendung\w{0,10}|vorgang\w{0,8}"
    r"|steuer\w{0,8}|artikel\w{0,8}|aktenzeichen|vertrag\w{0,8}|seriennummer|ausweis\w{0,8}"
    r"|commande|facture|dossier|référence|colis|suivi|siret|siren|client|bestelling|klantnummer|factuur\w{0,6}|bsn|kvk"
    r"|pedido|factura|dni|nif|nie|protocolo|folio|rfc|curp|clabe|nss|guía|referencia|cuenta|envío|cpf|cnpj|cep|fatura|encomenda"
    r"|rastreio|matrícula|conta|ordine|fattura|pratica|codice|spedizione|p\.? ?iva|partita iva|conto|tessera"
    r"|zamówieni\w{0,3}|faktur\w{0,3}|pesel|nip|regon|krs|przesyłk\w{0,2}|paczk\w{0,2}|ordernummer|ordernr|personnummer|org\.?nr"
    r"|kundnummer|ärende\w{0,8}|bankgiro|plusgiro|ocr|faktura\w{0,8}|sändning\w{0,8}|заказ\w{0,3}|счет\w{0,3}|счёт\w{0,3}|инн"
    r"|снилс|паспорт\w{0,3}|договор\w{0,3}|sipariş\w{0,6}|kargo|tc|आधार"
)
_OTHER_UNSPACED = (
    "注文|予約番号|会員|口座|伝票|追跡|商品|郵便|型番|受付番号|管理番号|お客様番号|〒|订单|訂單|快递|运单|单号|身份证|账号|卡号|发票|编号|邮编"
    "|護照|护照|会员|주문|계좌|송장|운송장|주민등록|회원번호|예약번호|우편번호"
)
SAYS_OTHERWISE = re.compile(rf"(?:#|№|\b(?:{_OTHER})\b|{_OTHER_UNSPACED})[\w .:#°º/-]{{0,16}}\Z", re.IGNORECASE)
