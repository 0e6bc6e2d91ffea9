"""The process of a node: signals, files that say who it is, its control socket, and its broker.

The broker (RabbitMQ's "app") can be stopped and started again while the process stays: the command
line tools are answered all the time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from broker import control_socket, cookie
from broker.boot import Broker, default_node_name
from broker.control.host import DATA_ERROR, SOFTWARE, Failure, Listens
from broker.control.server import ControlError, ControlServer
from broker.descriptors import tell_limit
from broker.logs.banner import Facts, banner
from broker.memory import settle_memory
from broker.pid_file import PidFile
from broker.plugin_settings import Chosen
from broker.plugins import PluginsError
from broker.ready_file import announcements, write_ready_file
from broker.server.listener import ListenError
from broker.server.systemd import Notifier
from broker.server.timers import monotonic_ms
from broker.store.errors import StoreError
from broker.store.store import IDENTITY
from broker.version import __version__, runtime_text

if TYPE_CHECKING:
    from broker.config import Config
    from broker.log_output import LogOutput
    from broker.management.service import Management
    from broker.node import Node
    from broker.server.inherited import Inherited

log = logging.getLogger("broker")

SIGNALS = (signal.SIGTERM, signal.SIGINT)
FORCED = 1  # exit code of a process that did not wait for the end


class Runtime:
    """Make one, `await run()`. ready_file: written once clients can connect; pid_file: at once.

    plugins_file, plugins: of `Chosen`. when_ready: called once, when clients can connect for the
    first time. Raises: PluginsError, CookieError.
    """

    def __init__(
        self,
        config: Config,
        *,
        log_output: LogOutput,
        inherited: Inherited | None = None,
        ready_file: Path | None = None,
        pid_file: Path | None = None,
        given_cookie: str = "",
        config_files: tuple[str, ...] = (),
        reload: Callable[..., object] | None = None,
        plugins_file: Path | None = None,
        plugins: Iterable[str] | None = None,
        when_ready: Callable[[], None] = lambda: None,
        environment: Mapping[str, str] = os.environ,
    ):
        self.config = config
        self.name = name_of(config)
        self.log_output = log_output
        self._inherited = inherited
        self._ready_file = ready_file
        self._pid_file = pid_file
        self.config_files = config_files
        self._reload = reload
        self._when_ready = when_ready
        self._environment = environment
        self._chosen = Chosen(config, plugins_file, plugins)
        self._broker: Broker | None = None
        self._halting = asyncio.Event()
        self._changing = asyncio.Lock()  # of the app
        self._changes: set[asyncio.Task[None]] = set()  # that were asked for
        self._is_signalled = False
        self._written = contextlib.ExitStack()  # files that say that the app runs
        self._began_ms = monotonic_ms()
        given = given_cookie or environment.get(cookie.VARIABLE, "")
        self._cookie = cookie.of_node(given, self._cookie_places())
        self._control = ControlServer(self, self._cookie)
        self._notifier = Notifier(lambda: True)
        self.is_starting = False

    # what the tools see: control.host.Host

    @property
    def node(self) -> Node | None:
        return self._broker.node if self._broker is not None else None

    @property
    def broker(self) -> Broker | None:
        """None: the app is stopped."""
        return self._broker

    @property
    def management(self) -> Management | None:
        return self._broker.management if self._broker is not None else None

    @property
    def listening(self) -> Sequence[Listens]:
        gateway = self._broker.gateway if self._broker is not None else None
        return [Listens(*one) for one in gateway.listening] if gateway is not None else []

    @property
    def began_ms(self) -> int:
        """When the process began, on the clock of the node."""
        return self._began_ms

    @property
    def uptime_s(self) -> int:
        """Of the process."""
        return (monotonic_ms() - self._began_ms) // 1000

    @property
    def active_plugins(self) -> list[str]:
        """RabbitMQ's names of the parts that are on."""
        return sorted(self.node.plugins) if self.node is not None else []

    @property
    def enabled_plugins(self) -> frozenset[str]:
        """The explicitly enabled ones, on or not. Raises: Failure."""
        try:
            self._chosen.look()
        except PluginsError as error:
            raise Failure(str(error), DATA_ERROR) from None
        return self._chosen.enabled

    @property
    def enabled_plugins_file(self) -> str:
        return str(self._chosen.file or "")

    @property
    def log_files(self) -> tuple[str, ...]:
        return tuple(self.log_output.locations())

    @property
    def cookie_hash(self) -> str:
        return self._cookie.hash

    async def start_app(self) -> None:
        """Raises: Failure."""
        await self._wholly(self._start_app())

    async def _start_app(self) -> None:
        async with self._changing:
            if self._broker is None and not self._halting.is_set():
                try:
                    self._chosen.look()
                    await self._start_broker()
                except Exception as error:
                    log.error("the app was not started: %s", error)
                    raise Failure(str(error)) from error

    async def stop_app(self) -> None:
        await self._wholly(self._stop_app())

    async def _stop_app(self) -> None:
        async with self._changing:
            if self._broker is not None:
                log.info("stopping the app, node=%s", self.name)
            await self._stop_broker()

    async def _wholly(self, change: Coroutine[Any, Any, None]) -> None:
        """Until it is done, even if who asked for it does not wait."""
        task = asyncio.get_running_loop().create_task(change)
        self._changes.add(task)
        task.add_done_callback(self._changed)
        await asyncio.shield(task)

    def _changed(self, task: asyncio.Task[None]) -> None:
        self._changes.discard(task)
        if not task.cancelled():
            task.exception()  # told to whoever asked, if he still waits

    async def change_plugins(self, change: Callable[[frozenset[str]], frozenset[str]]) -> None:
        """Have others explicitly enabled than before, in the file first; a node that does not run
        has them when it does. Raises: Failure, then nothing has changed, and what change does."""
        await self._wholly(self._change_plugins(change))

    async def _change_plugins(self, change: Callable[[frozenset[str]], frozenset[str]]) -> None:
        async with self._changing:
            explicit = change(self.enabled_plugins)
            before = self._chosen.explicit
            try:
                self._chosen.choose(explicit)
                try:
                    await self._switch_plugins()
                except BaseException:
                    self._chosen.choose(before)
                    raise
            except PluginsError as error:
                raise Failure(str(error), DATA_ERROR) from None
            except ListenError as error:
                raise Failure(str(error), SOFTWARE) from None

    async def _switch_plugins(self) -> None:
        """Raises: ListenError, then all is as before."""
        broker, node = self._broker, self.node
        if broker is None or node is None:
            return
        config, before, wanted = broker.config, node.plugins, self._chosen.running
        try:
            await broker.switch(self._chosen.config(config), wanted)
        except BaseException:
            await broker.switch(config, before)
            raise
        try:
            list(self._say_who_it_is(broker))
        except OSError as error:
            log.warning("cannot write %s: %s", error.filename, error.strerror)
        for word, names in (("enabled", wanted - before), ("disabled", before - wanted)):
            if names:
                log.info("plugins changed, %s=%s", word, ", ".join(sorted(names)))

    async def reset(self) -> None:
        """Raises: Failure, while the app runs."""
        async with self._changing:
            if self._broker is not None:
                raise Failure("the app runs", kind="running")
            if self.config.kept_in:
                from broker.store.wiping import wipe

                try:
                    wipe(Path(self.config.kept_in))
                except StoreError as error:
                    raise Failure(str(error)) from None
            log.info("reset, node=%s", self.name)

    def set_log_level(self, level: str) -> None:
        """See `Host`."""
        self.log_output.set_level(level)
        log.info("log level changed, level=%s", level)

    def suspend_listeners(self, *, is_over: bool = False) -> None:
        """See `Host`."""
        if self._broker is not None and self._broker.gateway is not None:
            try:
                self._broker.gateway.suspend(is_over=is_over)
            except ListenError as error:
                raise Failure(str(error)) from None

    def halt(self) -> None:
        self._halting.set()

    # from the beginning to the end

    async def run(self, *, owns_process: bool = True) -> None:
        """Until somebody halts it. owns_process: signals do, and memory is kept for the broker.

        Raises: what `Broker.start` does, ControlError, OSError.
        """
        loop = asyncio.get_running_loop()
        signals = SIGNALS if owns_process else ()
        for number in signals:
            loop.add_signal_handler(number, self._on_signal)
        if owns_process:
            loop.add_signal_handler(signal.SIGHUP, self.on_hang_up)
        with contextlib.ExitStack() as files:
            try:
                self.is_starting = True
                await self._control.open(self._environment, self.config.kept_in)
                if not self._control.is_second:  # whose start fails, and the file is the other's
                    self._write_pid(files)
                await self._start_broker()
                if owns_process:
                    settle_memory()
                self._tell_ready()
                await self._halting.wait()
                self._notifier.stopping()
                log.info("stopping")
                async with self._changing:
                    await self._stop_broker()
            finally:
                await self._control.close()
        for number in signals:  # from here on it takes no time
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)

    def _introduce(self) -> None:
        """Once it has started: a start that fails leaves one line, which says why."""
        home, logs, kept_in = self._environment.get("HOME", ""), self.log_files, self.config.kept_in
        facts = Facts(runtime_text(), self.name, home, self.config_files, logs, kept_in)
        for line in banner(facts):
            log.info("%s", line)

    def _tell_ready(self) -> None:
        assert self._broker is not None
        tell_limit()
        self._notifier.ready(f"{self.name} serves clients on port {self._broker.port}")
        self._when_ready()
        if self._control.is_hidden:
            log.warning(
                "another node of this name runs on this machine, name=%s: tools find this one by"
                " --data-dir or --ready-file only",
                self.name,
            )

    def on_hang_up(self) -> None:
        """Settings are looked at again. A node that is stopped has nothing to take up."""
        if self._reload is None:
            return
        if self._broker is None or self.node is None:
            log.warning("settings are not read again while the app is stopped")
            return
        self._reload(self._broker, adapted=self._chosen.config)
        self.config = self._broker.config

    def _on_signal(self) -> None:
        """Asked once it ends as it should; twice: at once."""
        if self._is_signalled:
            log.warning("stopped by force")
            self._written.close()
            os._exit(FORCED)
        self._is_signalled = True
        self._halting.set()

    def _cookie_places(self) -> list[Path]:
        home = cookie.home_directory(self._environment)
        places = [home] if home is not None else []
        if self.config.kept_in:
            data_dir = Path(self.config.kept_in)
            with contextlib.suppress(OSError):
                data_dir.mkdir(parents=True, exist_ok=True)
            places.append(data_dir)
        places += [
            one
            for one in control_socket.directories(self._environment)
            if control_socket.usable(one)
        ]
        return places

    def _write_pid(self, files: contextlib.ExitStack) -> None:
        """Raises: OSError."""
        if self._pid_file is not None:
            file = PidFile(self._pid_file)
            file.write()
            files.callback(file.remove)

    async def _start_broker(self) -> None:
        broker = Broker(self._chosen.config(self.config), self._inherited)
        self.is_starting = True
        try:
            await broker.start()
        finally:
            self.is_starting = False
        assert broker.node is not None
        broker.node.plugins = self._chosen.running
        self._broker = broker
        self.name = broker.node.name
        self._introduce()
        log.info("ready, node=%s port=%s version=%s", self.name, broker.port, __version__)
        try:
            self._announce(broker)
        except BaseException:
            await self._stop_broker()
            raise

    def _announce(self, broker: Broker) -> None:
        """Raises: OSError."""
        for path in self._say_who_it_is(broker):
            self._written.callback(path.unlink, missing_ok=True)

    def _say_who_it_is(self, broker: Broker) -> Iterator[Path]:
        """And where it listens, in one file after the other. Raises: OSError."""
        control = self._control.facts(self.config.kept_in)
        for path in announcements(self.config, self._ready_file):
            write_ready_file(path, broker, control=control)
            yield path

    async def _stop_broker(self) -> None:
        broker, self._broker = self._broker, None
        self._written.close()
        if broker is not None:
            await broker.stop()


def name_of(config: Config) -> str:
    """The node's, before its store is open."""
    if config.identity.node_name:
        return config.identity.node_name
    if config.kept_in:
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            return str(json.loads(Path(config.kept_in, IDENTITY).read_text())["node"])
    return default_node_name()


__all__ = ["ControlError", "Runtime", "name_of"]
