"""certificates - an authority of our own, and certificates signed by it, by openssl's command line."""
import os

from lib import process


class Authority:
    def __init__(self, name="tests"):
        self.folder = process.private_folder("ca")
        self.key, self.cert = self._path(name, "key"), self._path(name, "pem")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-days", "2", "-subj", "/CN=" + name, "-keyout", self.key,
                      "-out", self.cert)

    def _path(self, name, kind):
        return os.path.join(self.folder, "%s.%s" % (name, kind))

    @staticmethod
    def _openssl(*words):
        code, _, err = process.run(["openssl", *words])
        if code != 0:
            raise process.Failed("openssl %s: %s" % (words[0], err))

    def sign(self, name, names="DNS:localhost,IP:127.0.0.1"):
        """A key and a certificate for `names`; returns the paths of certificate and key."""
        key, request = self._path(name, "key"), self._path(name, "csr")
        cert, extra = self._path(name, "pem"), self._path(name, "ext")
        with open(extra, "w", encoding="ascii") as file:
            file.write("subjectAltName=%s\n" % names)
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-subj", "/CN=" + name, "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key,
                      "-CAcreateserial", "-days", "2", "-extfile", extra, "-out", cert)
        return cert, key
