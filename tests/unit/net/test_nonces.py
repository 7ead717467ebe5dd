import os

from shoal.net.nonces import DRAWN, NONCE_BYTES, Nonces


def test_nonces_are_what_the_system_gave_each_once_and_over_the_end_of_a_batch():
    given = []

    def random_bytes(count):
        given.append(os.urandom(count))
        return given[-1]

    nonces = Nonces(random_bytes)
    drawn = [nonces() for _ in range(DRAWN + 1)]
    whole = b"".join(given).hex()
    assert drawn == [
        whole[at : at + 2 * NONCE_BYTES] for at in range(0, 2 * NONCE_BYTES * (DRAWN + 1), 2 * NONCE_BYTES)
    ]
    assert len(given) == 2
    assert len(set(drawn)) == len(drawn)


def test_a_forked_child_gives_out_none_that_its_parent_gives():
    nonces = Nonces()
    nonces()
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.write(theirs, nonces().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(ours, 100).decode() not in {nonces() for _ in range(DRAWN)}
    os.close(ours)
    os.close(theirs)
