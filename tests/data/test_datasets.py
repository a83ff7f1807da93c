import contextlib
import hashlib
import http.server
import sys
import threading
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from bayes_astro.data import DataError, datasets, describe, fetch, load
from bayes_astro.data.datasets import ENTRIES
from bayes_astro.data.download import DownloadError, download

FILE = b"".join(b"%d,%d,1\n" % (i, i * i) for i in range(30000))


class TestBundled:
    def test_every_sample_loads_with_the_rows_that_it_declares(self):
        for entry in ENTRIES:
            if not entry.url:
                data = load(entry.name)
                assert isinstance(data, entry.container)
                assert (data.n, data.name, data.source) == (
                    entry.rows,
                    entry.name,
                    entry.source,
                )

    def test_cepheid(self):
        lc = load("eros2-cepheid")
        assert lc.bands == ("R", "B")
        assert (lc.select("R").n, lc.select("B").n) == (551, 617)
        assert (lc.time_unit, lc.value_unit) == ("d", "mag")
        assert 0.017 == lc.error.min() < lc.error.max() == 0.064
        assert 14.6 < lc.value.min() < lc.value.max() < 15.5

    def test_cepheid_has_the_period_that_its_description_gives(self):
        from astropy.timeseries import LombScargle

        for band in ("R", "B"):
            lc = load("eros2-cepheid").select(band)
            frequency = np.arange(0.1, 0.5, 5e-5)
            power = LombScargle(lc.time, lc.value, lc.error, nterms=3).power(frequency)
            assert abs(1 / frequency[power.argmax()] - 4.1911) < 1e-3

    def test_radial_velocities(self):
        lc = load("hd164922")
        assert lc.bands == ("k", "j", "a")
        assert (lc.value_unit, lc.time_format) == ("m/s", "jd")
        assert lc.time[0] == 2450275.9700771

    def test_hogg_gives_the_published_line(self):
        data = load("hogg-2010")
        assert data.value[0].tolist() == [201, 592]
        assert data.error[0].tolist() == [9, 61]
        np.testing.assert_allclose(data.covariance[0, 0, 1], -0.84 * 9 * 61)
        x, y = data.value[4:].T
        weights = 1 / data.error[4:, 1] ** 2
        design = np.stack([np.ones_like(x), x], 1)
        covariance = np.linalg.inv(design.T @ (weights[:, None] * design))
        intercept, slope = covariance @ (design.T @ (weights * y))
        np.testing.assert_allclose([intercept, slope], [34.048, 2.2399], atol=5e-4)
        np.testing.assert_allclose(np.sqrt(np.diag(covariance)), [18.246, 0.1078], atol=5e-4)

    def test_nearby_stars_have_the_published_motion_of_the_sun(self):
        data = load("hipparcos-nearby")
        assert (data.names, data.units) == (("v_l", "v_b"), ("km/s", "km/s"))
        assert data.value[0].tolist() == [-8.132, -24.246]
        np.testing.assert_allclose(data.covariance[0, 0, 1], 0.8612 * 0.7966 * 2.319, rtol=1e-4)
        square = data.projection @ data.projection.swapaxes(1, 2)
        np.testing.assert_allclose(square, np.broadcast_to(np.eye(2), square.shape), atol=3e-6)
        assert (np.linalg.eigvalsh(data.covariance) > 0).all()

        # One Gaussian of (U, V, W) by expectation and maximisation: a third of it is missing.
        r, rt = data.projection, data.projection.swapaxes(1, 2)
        mean, variance = np.zeros(3), 900 * np.eye(3)
        for _ in range(40):
            gain = variance @ rt @ np.linalg.inv(r @ variance @ rt + data.covariance)
            v = mean + (gain @ (data.value - r @ mean)[:, :, None])[:, :, 0]
            mean = v.mean(0)
            variance = np.cov(v.T, bias=True) + (variance - gain @ r @ variance).mean(0)
        np.testing.assert_allclose(mean, [-10.7, -19.8, -7.5], atol=0.05)
        np.testing.assert_allclose(np.sqrt(np.diag(variance)), [35.1, 24.6, 17.7], atol=0.05)
        error = np.sqrt(variance[2, 2] / data.n)
        assert abs(mean[2] + 7.17) < 2 * np.hypot(error, 0.38)  # Dehnen & Binney 1998

    def test_list(self):
        table = datasets()
        assert table["name"].tolist() == [entry.name for entry in ENTRIES]
        columns = [
            "name",
            "get_with",
            "task",
            "rows",
            "source",
            "licence",
            "truth",
            "citation",
        ]
        assert list(table) == columns
        assert table["citation"].is_unique
        assert (table[["task", "source", "licence", "citation"]] != "").all(axis=None)

    def test_unknown_names(self):
        with pytest.raises(
            DataError,
            match=r"no sample 'hogg2010'\. Did you mean 'hogg-2010'\? Known: black",
        ):
            load("hogg2010")
        with pytest.raises(DataError, match=r"get it with fetch\('des-dovekie'\)"):
            load("des-dovekie")

    def test_fetch_of_a_bundled_sample_needs_no_network(self, tmp_path):
        assert fetch("hogg-2010", cache_dir=tmp_path).n == 20


@dataclass
class Server:
    """Serves `body` on 127.0.0.1; each entry of `cuts` breaks one answer after so many bytes."""

    body: bytes = FILE
    ranges: bool = True
    status: int = 200
    declare: bool = True
    cuts: list[int] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def server():
    state = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = self.headers["Range"]
            state.asked.append(wanted)
            start = int(wanted.split("=")[1].rstrip("-")) if wanted and state.ranges else 0
            body = state.body[start:]
            self.send_response(206 if start else state.status)
            if start:
                self.send_header(
                    "Content-Range",
                    f"bytes {start}-{len(state.body) - 1}/{len(state.body)}",
                )
            if state.declare:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            cut = state.cuts.pop(0) if state.cuts else len(body)
            with contextlib.suppress(ConnectionError):  # the client hangs up on what is too long
                self.wfile.write(body[:cut])

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        state.url = f"http://127.0.0.1:{listener.server_port}/table.csv"
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        listener.shutdown()
        thread.join()


class TestDownload:
    SHA256 = hashlib.sha256(FILE).hexdigest()

    def get(self, server, folder, **changes):
        arguments = {
            "url": server.url,
            "file": "table.csv",
            "sha256": self.SHA256,
            "size": len(FILE),
        }
        return download(**arguments | changes, cache_dir=folder, progress=False)

    def test_once(self, server, tmp_path):
        path = self.get(server, tmp_path / "new" / "folder")
        assert path.read_bytes() == FILE
        assert [p.name for p in path.parent.iterdir()] == ["table.csv"]
        assert self.get(server, path.parent) == path
        assert server.asked == [None]

    def test_interrupted_downloads_go_on_where_they_stopped(self, server, tmp_path):
        server.cuts = [100_000, 50_000]
        assert self.get(server, tmp_path).read_bytes() == FILE
        assert server.asked == [None, "bytes=100000-", "bytes=150000-"]

    def test_the_next_call_goes_on_too(self, server, tmp_path):
        server.cuts = [1000, 1000, 1000]
        with pytest.raises(
            DownloadError,
            match=f"failed after 3000 of {len(FILE)} bytes.*goes on from there",
        ):
            self.get(server, tmp_path)
        assert not (tmp_path / "table.csv").exists()
        assert self.get(server, tmp_path).read_bytes() == FILE
        assert server.asked[-1] == "bytes=3000-"
        assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]

    def test_a_server_without_range_starts_again(self, server, tmp_path):
        server.ranges = False
        server.cuts = [100_000]
        assert self.get(server, tmp_path).read_bytes() == FILE
        assert server.asked == [None, "bytes=100000-"]

    def test_a_broken_connection_without_a_declared_length_is_noticed(self, server, tmp_path):
        server.declare = False
        server.cuts = [100_000]
        assert self.get(server, tmp_path).read_bytes() == FILE

    def test_a_part_of_another_file_is_found_out(self, server, tmp_path):
        (tmp_path / "table.csv.part").write_bytes(b"x" * 1000)
        with pytest.raises(DataError, match="sent another file"):
            self.get(server, tmp_path)
        assert list(tmp_path.iterdir()) == []
        assert self.get(server, tmp_path).read_bytes() == FILE

    def test_parts_that_are_whole_or_too_long(self, server, tmp_path):
        part = tmp_path / "table.csv.part"
        part.write_bytes(FILE)
        assert self.get(server, tmp_path).read_bytes() == FILE
        assert server.asked == []
        (tmp_path / "table.csv").unlink()
        part.write_bytes(FILE + b"x")
        assert self.get(server, tmp_path).read_bytes() == FILE
        assert server.asked == [None]

    def test_wrong_checksum(self, server, tmp_path):
        server.body = FILE[:-1] + b"x"
        with pytest.raises(
            DataError, match=f"sent another file.*put it at .*table.csv.*{self.SHA256}"
        ):
            self.get(server, tmp_path)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("declare", [True, False])
    def test_a_body_that_is_too_long(self, server, tmp_path, declare):
        server.body = FILE * 20
        server.declare = declare
        with pytest.raises(DataError, match=f"sends more than the {len(FILE)} bytes registered"):
            self.get(server, tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_a_changed_file_in_the_cache_is_replaced(self, server, tmp_path):
        (tmp_path / "table.csv").write_bytes(FILE[:-1] + b"x")
        assert self.get(server, tmp_path).read_bytes() == FILE

    def test_an_answer_of_the_server_is_not_asked_for_again(self, server, tmp_path):
        server.status = 404
        with pytest.raises(DownloadError, match="HTTP Error 404"):
            self.get(server, tmp_path)
        assert len(server.asked) == 1

    def test_offline(self, tmp_path):
        offline = Server(url="http://127.0.0.1:9/table.csv")
        with pytest.raises(DownloadError, match="by hand") as caught:
            self.get(offline, tmp_path)
        for part in (
            "127.0.0.1:9",
            str(tmp_path / "table.csv"),
            self.SHA256,
            str(len(FILE)),
        ):
            assert part in str(caught.value)
        assert isinstance(caught.value, ConnectionError)
        (tmp_path / "table.csv").write_bytes(FILE)
        assert self.get(offline, tmp_path).read_bytes() == FILE

    def test_the_environment_names_the_cache_unless_the_caller_does(
        self, server, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("BAYES_ASTRO_DATA", str(tmp_path / "a"))
        assert self.get(server, None) == tmp_path / "a" / "table.csv"
        assert self.get(server, tmp_path / "b") == tmp_path / "b" / "table.csv"

    def test_fetch_reads_what_it_downloads(self, server, tmp_path, monkeypatch):
        server.body = b"CID zHD MU MUERR\na 0.014 34.57 0.0311\n"
        entry = replace(
            describe("des-dovekie"),
            file="table.dat",
            url=server.url,
            sha256=hashlib.sha256(server.body).hexdigest(),
            size=len(server.body),
        )
        # the function datasets hides the module of that name
        monkeypatch.setattr(sys.modules[describe.__module__], "ENTRIES", (entry,))
        data = fetch("des-dovekie", cache_dir=tmp_path, progress=False)
        assert data.names == ("redshift", "distance_modulus")
        assert data.value.tolist() == [[0.014, 34.57]]
        assert data.error.tolist() == [[0, 0.0311]]
