"""States and kinds of invoicing: names, allowed moves, colours."""

from enum import nonmember

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from openfire_billing.kernel.money import HALF_EVEN, HALF_UP


class Rounding(TextChoices):
    HALF_EVEN = HALF_EVEN, _("Au cent pair (bancaire)")
    HALF_UP = HALF_UP, _("Au cent supérieur (commercial)")


class PartnerKind(TextChoices):
    """The kind of a partner: it decides between e-invoice and e-reporting, and which mentions are printed."""

    PRIVATE = "private", _("Particulier")
    BUSINESS = "business", _("Entreprise française")
    NON_TAXABLE = "non_taxable", _("Organisme non assujetti (syndicat, association)")
    PUBLIC = "public", _("Secteur public")
    EU = "eu", _("Entreprise de l'Union européenne")
    OTHER = "other", _("Hors Union européenne")

    professionals = nonmember(frozenset({"business", "public", "eu", "other"}))


class LocationSource(TextChoices):
    """Who says where an address stands. What is placed by hand is never searched for."""

    HAND = "hand", _("À la main")
    IMPORT = "import", _("Import")
    GEOCODER = "geocoder", _("Géocodeur")


class LocationState(TextChoices):
    """How well a place is known: its house or street, its town alone, a proposal to accept, or nothing found."""

    LOCATED = "located", _("Placée")
    TOWN = "town", _("À la commune")
    TO_CHECK = "to_check", _("À vérifier")
    NOT_FOUND = "not_found", _("Introuvable")

    colours = nonmember({"located": "green", "town": "blue", "to_check": "amber", "not_found": "red"})


class TagScope(TextChoices):
    PARTNER = "partner", _("Clients")
    INTERVENTION = "intervention", _("Interventions")


class MessageKind(TextChoices):
    MAIL = "mail", _("E-mail")
    SMS = "sms", _("SMS")


class MessageState(TextChoices):
    """How far a message is.

    SENDING: committed before the gateway is called. UNSURE: it may have left, or not. DROPPED: it has no purpose any more,
    or its time is over; it is never sent.
    """

    WAITING = "waiting", _("À envoyer")
    SENDING = "sending", _("En cours d'envoi")
    SENT = "sent", _("Envoyé")
    DELIVERED = "delivered", _("Reçu")
    UNDELIVERED = "undelivered", _("Non reçu")
    FAILED = "failed", _("En échec")
    UNSURE = "unsure", _("Peut-être parti")
    DROPPED = "dropped", _("Non envoyé")

    colours = nonmember(
        {
            "waiting": "amber",
            "sending": "amber",
            "sent": "green",
            "delivered": "green",
            "undelivered": "red",
            "failed": "red",
            "unsure": "red",
            "dropped": "grey",
        }
    )
    left = nonmember(frozenset({"sent", "delivered"}))
    pending = nonmember(frozenset({"waiting", "sending"}))
    stopped = nonmember(frozenset({"undelivered", "failed", "unsure"}))
    # the customer has it, or may have it
    reached = nonmember(frozenset({"sending", "sent", "delivered", "unsure"}))


class Announce(TextChoices):
    """How the hour of an appointment is announced to the customer."""

    HOUR = "hour", _("À l'heure : « à 9 h »")
    AROUND = "around", _("Autour de l'heure : « entre 8 h 30 et 9 h 30 »")
    RANGE = "range", _("Par plage : « entre 8 h et 10 h »")
    HALF_DAY = "half_day", _("Par demi-journée : « le matin »")


class TextUse(TextChoices):
    """What a template of text message is used for by itself, besides « Envoyer un SMS »."""

    REMINDER = "reminder", _("Rappel d'un RDV, la veille")
    MOVED = "moved", _("RDV déplacé")
    CANCELLED = "cancelled", _("RDV annulé")


class PrintState(TextChoices):
    """How far the joined file of many papers is."""

    WAITING = "waiting", _("En attente")
    RUNNING = "running", _("En cours")
    DONE = "done", _("Prête")
    FAILED = "failed", _("En échec")

    colours = nonmember({"waiting": "grey", "running": "blue", "done": "green", "failed": "red"})


class ProductKind(TextChoices):
    """The operation category of EN 16931 and of the French mentions."""

    GOODS = "goods", _("Livraison de biens")
    SERVICE = "service", _("Prestation de services")


class VatCategory(TextChoices):
    """VAT categories of EN 16931 (UNTDID 5305)."""

    S = "S", _("S – Taux normal ou réduit")
    Z = "Z", _("Z – Taux zéro")
    E = "E", _("E – Exonéré")
    AE = "AE", _("AE – Autoliquidation")
    K = "K", _("K – Intracommunautaire")
    G = "G", _("G – Export hors UE")
    O = "O", _("O – Hors champ")  # noqa: E741 (the standard's own code)

    goods = nonmember(frozenset({"K", "G"}))  # exemptions that services have not
    untaxed = nonmember(frozenset({"Z", "E", "O"}))  # nobody owes VAT on them: their base may be negative


class DueCount(TextChoices):
    """How the days of a payment term are counted from the day an invoice is issued."""

    NET = "net", _("date de la facture + jours")
    THEN_END = "then_end", _("date de la facture + jours, puis fin de ce mois")
    END_THEN = "end_then", _("fin du mois de la facture, puis + jours")


class JournalKind(TextChoices):
    INVOICE = "invoice", _("Ventes – factures")
    CREDIT_NOTE = "credit_note", _("Ventes – avoirs")
    DEPOSIT = "deposit", _("Ventes – acomptes")
    BANK = "bank", _("Banque")
    CASH = "cash", _("Caisse")


class LineKind(TextChoices):
    ARTICLE = "article", _("Article")
    SECTION = "section", _("Section")
    NOTE = "note", _("Note")


class QuoteState(TextChoices):
    DRAFT = "draft", _("Brouillon")
    SENT = "sent", _("Envoyé")
    ACCEPTED = "accepted", _("Accepté")
    SETTLED = "settled", _("Soldé")
    REFUSED = "refused", _("Refusé")
    CANCELLED = "cancelled", _("Annulé")

    live = nonmember(frozenset({"draft", "sent", "accepted"}))
    expiring = nonmember(frozenset({"draft", "sent"}))
    path = nonmember(("draft", "sent", "accepted"))
    colours = nonmember(
        {"draft": "grey", "sent": "blue", "accepted": "green", "settled": "grey", "refused": "red", "cancelled": "grey"}
    )


QUOTE_MOVES = {
    QuoteState.DRAFT: {QuoteState.SENT, QuoteState.ACCEPTED, QuoteState.REFUSED, QuoteState.CANCELLED},
    QuoteState.SENT: {QuoteState.ACCEPTED, QuoteState.REFUSED, QuoteState.CANCELLED, QuoteState.DRAFT},
    QuoteState.ACCEPTED: {QuoteState.SETTLED, QuoteState.CANCELLED, QuoteState.REFUSED},
    QuoteState.SETTLED: set(),
    QuoteState.REFUSED: {QuoteState.DRAFT},
    QuoteState.CANCELLED: {QuoteState.DRAFT},
}


class OrderState(TextChoices):
    DRAFT = "draft", _("Brouillon")
    SENT = "sent", _("Envoyée")
    CONFIRMED = "confirmed", _("Confirmée")
    RECEIVED = "received", _("Reçue")
    BILLED = "billed", _("Facturée")
    CANCELLED = "cancelled", _("Annulée")

    path = nonmember(("draft", "sent", "confirmed", "received", "billed"))
    colours = nonmember(
        {
            "draft": "grey",
            "sent": "blue",
            "confirmed": "blue",
            "received": "grey",
            "billed": "green",
            "cancelled": "grey",
        }
    )


ORDER_MOVES = {
    OrderState.DRAFT: {OrderState.SENT, OrderState.CANCELLED},
    OrderState.SENT: {
        OrderState.CONFIRMED,
        OrderState.RECEIVED,
        OrderState.CANCELLED,
        OrderState.DRAFT,
        OrderState.BILLED,
    },
    OrderState.CONFIRMED: {OrderState.RECEIVED, OrderState.CANCELLED, OrderState.BILLED},
    OrderState.RECEIVED: {OrderState.BILLED, OrderState.SENT, OrderState.CONFIRMED},
    OrderState.BILLED: {OrderState.RECEIVED, OrderState.SENT, OrderState.CONFIRMED},
    OrderState.CANCELLED: {OrderState.DRAFT},
}


class SupplierBillState(TextChoices):
    DRAFT = "draft", _("À vérifier")
    CHECKED = "checked", _("Bonne à payer")
    CANCELLED = "cancelled", _("Annulée")

    path = nonmember(("draft", "checked"))
    colours = nonmember({"draft": "grey", "checked": "amber", "cancelled": "grey"})


SUPPLIER_BILL_MOVES = {
    SupplierBillState.DRAFT: {SupplierBillState.CHECKED, SupplierBillState.CANCELLED},
    SupplierBillState.CHECKED: {SupplierBillState.DRAFT, SupplierBillState.CANCELLED},
    SupplierBillState.CANCELLED: {SupplierBillState.DRAFT},
}


class InvoiceKind(TextChoices):
    INVOICE = "invoice", _("Facture")
    CREDIT_NOTE = "credit_note", _("Avoir")
    DEPOSIT = "deposit", _("Facture d'acompte")


class InvoiceState(TextChoices):
    DRAFT = "draft", _("Brouillon")
    POSTED = "posted", _("Validée")
    CANCELLED = "cancelled", _("Annulée")

    path = nonmember(("draft", "posted"))
    colours = nonmember({"draft": "grey", "posted": "blue", "cancelled": "grey"})


INVOICE_MOVES = {
    InvoiceState.DRAFT: {InvoiceState.POSTED, InvoiceState.CANCELLED},
    InvoiceState.POSTED: set(),
    InvoiceState.CANCELLED: set(),
}


class PaymentState(TextChoices):
    """How much of a posted document is settled. Computed from the allocations, never stored.

    CREDITED: an invoice that credit notes alone settle.
    """

    UNPAID = "unpaid", _("À payer")
    PARTIAL = "partial", _("Payée en partie")
    PAID = "paid", _("Payée")
    CREDITED = "credited", _("Annulée par avoir")

    colours = nonmember({"unpaid": "amber", "partial": "amber", "paid": "green", "credited": "grey"})


class PaymentKind(TextChoices):
    TRANSFER = "transfer", _("Virement")
    CARD = "card", _("Carte bancaire")
    CHEQUE = "cheque", _("Chèque")
    CASH = "cash", _("Espèces")
    DIRECT_DEBIT = "direct_debit", _("Prélèvement")


class AttemptKind(TextChoices):
    """What somebody without a session tries, as often as the limits allow."""

    LOGIN = "login", _("Connexion")
    NEW_PASSWORD = "new_password", _("Nouveau mot de passe")
    KEY = "key", _("Clé de programme")
    ANSWER = "answer", _("Réponse d'un client")


class SessionScope(TextChoices):
    """The door a session came in by."""

    OFFICE = "office", _("Bureau")
    PHONE = "phone", _("Téléphone")


class DeliveryState(TextChoices):
    """Whether a program received an event."""

    WAITING = "waiting", _("À envoyer")
    SENT = "sent", _("Reçu")
    FAILED = "failed", _("En échec")

    colours = nonmember({"waiting": "amber", "sent": "green", "failed": "red"})
