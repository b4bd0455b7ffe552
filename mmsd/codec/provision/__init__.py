"""Settings over the air: OMA Client Provisioning with its seal and its linter, Nokia/Ericsson OTA settings, Service Indication and
Loading, and the pushes that carry them.

    document = account_document(Account(name="MMS", apn="cmwap", mmsc="http://mmsc.example/", proxy="10.0.0.172"))
    lint(document, catalogue)                                       what is wrong with it, and what nobody signed off
    octets = encode(document)
    push_document(octets, seal(octets, Security.NETWPIN, imsi_key(imsi)))         SMS by SMS
"""

from mmsd.codec.provision.document import (
    Account,
    Characteristic,
    Parm,
    Provisioning,
    account_document,
    decode,
    encode,
    from_element,
    from_xml,
    to_element,
    to_xml,
)
from mmsd.codec.provision.lint import Catalogue, Finding, Severity, lint
from mmsd.codec.provision.pushed import Pushed, push_document, push_service, push_settings, read_push
from mmsd.codec.provision.seal import Seal, Security, genuine, imsi_key, key_of, seal, typed_genuine, typed_pin
from mmsd.codec.provision.service import Indication, Loading, decode_service, encode_indication, encode_loading
from mmsd.codec.provision.settings import bookmark, browser_settings, decode_list, encode_list

__all__ = [
    "Account", "Catalogue", "Characteristic", "Finding", "Indication", "Loading", "Parm", "Provisioning", "Pushed", "Seal", "Security",
    "Severity", "account_document", "bookmark", "browser_settings", "decode", "decode_list", "decode_service", "encode",
    "encode_indication", "encode_list", "encode_loading", "from_element", "from_xml", "genuine", "imsi_key", "key_of", "lint",
    "push_document", "push_service", "push_settings", "read_push", "seal", "to_element", "to_xml", "typed_genuine",
    "typed_pin",
]  # fmt: skip
