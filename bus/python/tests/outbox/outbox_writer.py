"""outbox_writer SEED COUNT PACE - changes products in random transactions, a third of them rolled back.

Two threads change the same rows. Each change gives its product a name that no other change gives,
and says what it did in a note, in the same transaction: so the notes that are there afterwards are
exactly what was committed, whenever this process was killed. The notes of one product are in the
order of its changes, as they are written while its row is locked.
"""
import logging
import random
import sys
import threading
import time
import uuid

import django

PRODUCTS = 60
FEWEST = 20


class Rollback(Exception):
    pass


class Writer(threading.Thread):
    def __init__(self, seed, count, pace, started):
        super().__init__()
        self.random = random.Random(seed)
        self.left = count
        self.pace = pace
        self.run_id = uuid.UUID(int=random.Random(seed).getrandbits(128)).hex[:8] + started
        self.made = 0

    def run(self):
        from django.db import connection, transaction
        while self.left > 0:
            try:
                with transaction.atomic():
                    self.change_some()
                    if self.random.random() < 1 / 3:
                        raise Rollback
            except Rollback:
                pass
            print("changes", self.made, flush=True)
            time.sleep(self.pace * self.random.random())  # the pace of the load
        connection.close()

    def change_some(self):
        from shop.models import Product
        pks = list(Product.objects.order_by("pk").values_list("pk", flat=True))
        chosen = self.random.sample(pks, min(self.random.randint(1, 4), len(pks)))
        rows = Product.objects.select_for_update().filter(pk__in=chosen).order_by("pk")
        for product in list(rows):
            self.change(product, len(pks))
        if len(pks) < PRODUCTS:
            self.note("post_save", Product.objects.create(name=self.name()))

    def change(self, product, nr):
        if nr > FEWEST and self.random.random() < 0.1:
            pk, name = product.pk, product.name
            product.delete()
            product.pk, product.name = pk, name
            self.note("post_delete", product)
        else:
            product.name = self.name()
            product.save()
            self.note("post_save", product)

    def name(self):
        self.left -= 1
        self.made += 1
        return "%s-%d" % (self.run_id, self.made)

    @staticmethod
    def note(event, product):
        from shop.models import Note
        Note.objects.create(text="%s %d %s" % (event, product.pk, product.name))


def main():
    seed, count, pace = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    django.setup()
    logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s %(message)s")
    threads = [Writer(seed * 2 + nr, count // 2, pace, "%x" % nr) for nr in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("done", flush=True)


if __name__ == "__main__":
    main()
