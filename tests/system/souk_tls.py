"""A certificate authority of one's own for tests of TLS, by the openssl command, and a Souk connection through TLS.

    ca = Authority(folder)
    certificate, key = ca.issue('server')
"""
import os
import socket
import ssl
import subprocess

from souk_wire import Connection


def openssl(*arguments):
    subprocess.run(['openssl', *arguments], check=True, capture_output=True, timeout=60)


class Authority:
    """A CA in `folder`; what it issues lies there too."""

    def __init__(self, folder, name='ca'):
        self.folder, self.name = folder, name
        self.path, self.key = self.file(f'{name}.pem'), self.file(f'{name}.key')
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30', '-subj', f'/CN={name}',
                '-keyout', self.key, '-out', self.path, '-addext', 'basicConstraints=critical,CA:TRUE')

    def file(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, san='DNS:localhost,IP:127.0.0.1', days=30, rsa=False):
        """(certificate, key) of `name`; expired when days < 0."""
        certificate, key, request, extra = (self.file(f'{self.name}-{name}.{e}') for e in ('pem', 'key', 'csr', 'ext'))
        kind = ['rsa:2048'] if rsa else ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
        openssl('req', '-newkey', *kind, '-nodes', '-subj', f'/CN={name}', '-keyout', key, '-out', request)
        with open(extra, 'w') as f:
            f.write(f'subjectAltName={san}\n' if san else 'basicConstraints=CA:FALSE\n')
        openssl('x509', '-req', '-in', request, '-CA', self.path, '-CAkey', self.key, '-CAcreateserial', '-days', str(days),
                '-extfile', extra, '-out', certificate)
        return certificate, key


def client_context(ca, certificate=None, key=None, least=None, most=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca)
    if certificate:
        context.load_cert_chain(certificate, key)
    if least:
        context.minimum_version = least
    if most:
        context.maximum_version = most
    return context


class TlsConnection(Connection):
    """A Connection of souk_wire through TLS."""

    def __init__(self, port, context, name='localhost', timeout=10):
        plain = socket.create_connection(('127.0.0.1', port), timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.socket = context.wrap_socket(plain, server_hostname=name)
        except Exception:
            plain.close()
            raise
        self.pending, self.next_id = b'', 1


def certificate_of(port, context):
    """The serial number of the certificate a new connection is shown."""
    with TlsConnection(port, context) as c:
        return c.socket.getpeercert()['serialNumber']
