"""What the entries of a rabbitmq.conf mean for our settings.

    known to both            checked by RabbitMQ's rules, then by ours
    known to RabbitMQ only   checked, and one warning: accepted without effect
    known to us only         taken as it is: `data_dir`, `store.sync`
    known to nobody          an error that names the nearest

Some settings come from several keys together, as `loopback_users.alice = true`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from broker.auth_settings import ALIASES
from broker.config import Config
from broker.configuration.building import Building, Entry, setting_keys
from broker.configuration.rabbitmq_keys import RENAMED, all_keys, find, parts_of, reason_of
from broker.configuration.values import checked
from broker.settings import did_you_mean, find_setting, is_numbered, is_optional
from broker.transport_settings import parse_address

DECODER = "config_entry_decoder."  # how encrypted values are made plain; see `encrypted_values`
ENCRYPTED = "encrypted:"
DECODER_KEYS = ("passphrase", "passphrase_file", "cipher", "hash", "iterations")
_SERVER = "server."  # of management.listener: options of its web server
Group = Callable[[list[Entry], Building], None]


def translate(entries: Iterable[Entry], building: Building) -> None:
    """Puts what the entries say into the config; they are each key's last."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        name = next((name for name in _GROUPS if _belongs(entry.key, name)), None)
        if name is not None:
            groups.setdefault(name, []).append(entry)
        else:
            _translate(entry, building)
    for name, members in groups.items():
        _GROUPS[name](members, building)


def _belongs(key: str, group: str) -> bool:
    return key == group or key.startswith(f"{group}.")


def _translate(entry: Entry, building: Building) -> None:
    key = RENAMED.get(entry.key, entry.key)
    known = find(entry.key)
    if entry.key.startswith(DECODER) and entry.key.removeprefix(DECODER) in DECODER_KEYS:
        return  # read before: `made_plain`
    own = find_setting(Config, key)
    if known is None and own is None:
        nearest = did_you_mean(entry.key, [*setting_keys(), *(one.pattern for one in all_keys())])
        building.refuse(entry.place, f"unknown key '{entry.key}'{nearest}")
        return
    value = entry.value
    is_none = value == "none" and own is not None and is_optional(Config, own.path)
    if known is not None and isinstance(value, str) and not is_none:
        try:
            value = checked(known.kind, value)
        except ValueError as error:
            building.refuse(entry.place, f"'{entry.key}' {error}")
            return
    if own is None:
        reason = reason_of(entry.key)
        building.warn(entry.place, f"'{entry.key}' is accepted without effect: {reason}")
        return
    if is_numbered(own.entry) and own.one:
        key = f"{own.key}.{'.'.join(parts_of(own.one))}"
        value = _backend(own.key, value)
    building.put(key, _as_ours(key, value), entry.place)


def _as_ours(key: str, value: object) -> object:
    """Words that RabbitMQ has for what our settings call otherwise."""
    if value == "undefined":
        return None
    if value == "infinity" and key == "handshake_timeout":
        return 2**31
    return value


def _backend(key: str, value: object) -> object:
    """RabbitMQ has short names for its backends, other than the module's."""
    return ALIASES.get(str(value), value) if key == "auth_backends" else value


# several keys for one setting


def _members(entries: list[Entry], building: Building, group: str) -> list[Entry]:
    """Those of a group that are good."""
    good = []
    for entry in entries:
        known = find(entry.key)
        if entry.key == group and entry.value == "none":
            good.append(entry)
            continue
        if known is None:
            nearest = did_you_mean(entry.key, [one.pattern for one in all_keys()])
            building.refuse(entry.place, f"unknown key '{entry.key}'{nearest}")
            continue
        try:
            good.append(entry._replace(value=checked(known.kind, str(entry.value))))
        except ValueError as error:
            building.refuse(entry.place, f"'{entry.key}' {error}")
    return good


def _loopback_users(entries: list[Entry], building: Building) -> None:
    """RabbitMQ: those with true; nobody if there is none, or `loopback_users = none`."""
    _listed(entries, building, "loopback_users")


def _user_tags(entries: list[Entry], building: Building) -> None:
    _listed(entries, building, "default_user_tags")


def _listed(entries: list[Entry], building: Building, key: str) -> None:
    plain = [entry for entry in entries if isinstance(entry.value, (list, tuple))]
    if plain:  # from an advanced.config, which has a list
        building.put(key, plain[-1].value, plain[-1].place)
        return
    good = _members(entries, building, key)
    for entry in good:
        if entry.key != key and entry.value not in ("true", "false"):
            building.refuse(entry.place, f"'{entry.key}' must be true or false")
            return
    words = [".".join(parts_of(entry.key)[1:]) for entry in good if entry.value == "true"]
    if good and not any(entry.value == "none" for entry in good):
        building.put(key, words, good[-1].place)
    elif good:
        building.put(key, (), good[-1].place)


def _management_listener(entries: list[Entry], building: Building) -> None:
    """What there was before management.tcp and management.ssl, and still is: one listener."""
    good = {
        entry.key.removeprefix("management.listener."): entry
        for entry in _members(entries, building, "management.listener")
    }
    is_tls = "ssl" in good and good.pop("ssl").value == "true"
    protocol = "management.ssl" if is_tls else "management.tcp"
    for name, entry in good.items():
        rest = name.removeprefix("ssl_opts.")
        if rest != name and not is_tls:
            building.warn(entry.place, f"'{entry.key}' is accepted without effect: it has no TLS")
            continue
        key = f"{protocol}.{rest.removeprefix(_SERVER)}"
        if find_setting(Config, key) is None:
            reason = reason_of(key)
            building.warn(entry.place, f"'{entry.key}' is accepted without effect: {reason}")
        else:
            building.put(key, entry.value, entry.place)


def _metrics_listener(entries: list[Entry], building: Building) -> None:
    for entry in _members(entries, building, "prometheus.tcp.listener"):
        if entry.value != "none":
            address = parse_address(str(entry.value))
            building.put("prometheus.tcp.ip", address.host, entry.place)
            building.put("prometheus.tcp.port", address.port, entry.place)


_GROUPS: dict[str, Group] = {
    "loopback_users": _loopback_users,
    "default_user_tags": _user_tags,
    "management.listener": _management_listener,
    "prometheus.tcp.listener": _metrics_listener,
}


def made_plain(entries: Iterable[Entry], building: Building) -> list[Entry]:
    """The entries with their values as they were before they were encrypted."""
    entries = list(entries)
    for entry in entries:
        name = entry.key.removeprefix(DECODER)
        if name != entry.key and name in DECODER_KEYS:
            building.extras[name] = str(entry.value)
    done = []
    for entry in entries:
        value = entry.value
        is_encrypted = isinstance(value, str) and value.startswith(ENCRYPTED)
        if is_encrypted and not entry.is_literal:
            from broker.configuration.encrypted_values import Decoder, EncryptionError

            try:
                hidden = str(value).removeprefix(ENCRYPTED)
                term = Decoder(building.extras).decode(hidden)
            except EncryptionError as error:
                building.refuse(entry.place, f"'{entry.key}': {error}")
                continue
            value = term.decode("utf-8", "replace") if isinstance(term, bytes) else str(term)
        done.append(entry._replace(value=value))
    return done
