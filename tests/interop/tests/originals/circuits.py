"""The two chats of circuits: that of its tutorial, and that of its examples."""
import sys

from circuits import Component, handler
from circuits.net.events import write
from circuits.net.sockets import TCPServer


class Room(Component):
    greeting = b''

    def init(self, port):
        self.names = {}
        TCPServer(('127.0.0.1', port)).register(self)

    def ready(self, *args):
        print('listening')

    def connect(self, sock, *address):
        self.names[sock] = None
        if self.greeting:
            self.fire(write(sock, self.greeting))

    def disconnect(self, sock):
        del self.names[sock]

    def tell_others(self, sock, data):
        for other in self.names:
            if other is not sock:
                self.fire(write(other, data))


class Everybody(Room):
    def read(self, sock, data):
        self.tell_others(sock, data.strip())


class Nicknames(Room):
    greeting = b'Welcome to the circuits Chat Server!\nPlease enter a desired nickname: '

    def read(self, sock, data):
        text, name = data.strip().decode(), self.names[sock]
        if name is None:
            self.names[sock] = text
            self.tell_others(sock, f'!!! {text} has joined !!!\n'.encode())
        else:
            self.tell_others(sock, f'<{name}> {text}\n'.encode())

    # Without this both handlers run, in an order that differs from run to run, and the other forgets the name.
    @handler('disconnect', override=True)
    def disconnect(self, sock):
        name = self.names.pop(sock)
        self.tell_others(sock, f'!!! {name} has left !!!\n'.encode())


globals()[sys.argv[1]](int(sys.argv[2])).run()
