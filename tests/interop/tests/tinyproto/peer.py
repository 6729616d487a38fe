"""A peer that uses the Python package tinyproto, version 2.0.1 or 3.0."""
import sys
import time
import zlib

import tinyproto

IS_3 = hasattr(tinyproto, 'TinyProtoConnectionDetails')


class Zlib(tinyproto.TinyProtoPlugin):
    def msg_transmit(self, msg):
        return zlib.compress(bytes(msg))

    def msg_receive(self, msg):
        return bytearray(zlib.decompress(bytes(msg)))


class Echo(tinyproto.TinyProtoConnection):
    __slots__ = ('stops',)

    def pre_loop(self):
        self.stops = False

    def transmission_received(self, msg):
        if msg == b'QUIT':
            self.shutdown = True
        elif msg == b'SRVQUIT':
            self.stops = True
        else:
            self.transmit(b'Echo back: ' + msg)


class SpeaksFirst(tinyproto.TinyProtoConnection):
    def pre_loop(self):
        self.transmit(b'from the server..')


class Server(tinyproto.TinyProtoServer):
    def pre_loop(self):
        print('listening', flush=True)

    def loop_pass(self):
        if any(getattr(connection, 'stops', False) for connection in self.active_connections.values()):
            self.shutdown = True

    def conn_shutdown(self, connection_id, connection):
        connection.socket_o.close()


class Asks(tinyproto.TinyProtoConnection):
    """Says each message, waits for the answer, and prints its length and checksum."""

    def pre_loop(self):
        for message in (b'hello', b'second message', b'', bytes(range(256)) * 78125):
            self.transmit(message)
            answer = self.receive()
            print(len(answer), zlib.crc32(answer), flush=True)
        self.transmit(b'QUIT')
        assert self.receive() in (False, bytearray()), 'the server has not closed'


class Chats(tinyproto.TinyProtoConnection):
    """Prints what it hears, and greets those who join."""

    def pre_loop(self):
        print('ready', flush=True)

    def transmission_received(self, msg):
        print(msg.decode(), flush=True)
        if msg.endswith(b'**joined the chat'):
            self.transmit(b'hello from Python')
        if msg.endswith(b'bye'):
            self.shutdown = True


class Waits(tinyproto.TinyProtoConnection):
    pass


def serve(port, handler, plugins):
    if IS_3:
        server = Server([tinyproto.TinyProtoConnectionDetails('127.0.0.1', port)], handler, None, plugins)
    else:
        server = Server()
        server.set_conn_handler(handler)
        server.add_addr('127.0.0.1', port)
        for plugin in plugins:
            server.register_connection_plugin(plugin)
    server.start()


def connect(port, handler, plugins):
    client = tinyproto.TinyProtoClient()
    client.set_conn_handler(handler)
    for plugin in plugins:
        client.register_connection_plugin(plugin)
    if IS_3:
        connection = client.connect_to(tinyproto.TinyProtoConnectionDetails('127.0.0.1', port))
    else:
        connection = client.connect_to('127.0.0.1', port)
    while client.active_connections[connection].is_alive():
        time.sleep(0.01)


role, handler, port = sys.argv[1:4]
plugins = [globals()[plugin] for plugin in sys.argv[4:]]
{'serve': serve, 'connect': connect}[role](int(port), globals()[handler], plugins)
print('over', flush=True)
