#!/usr/bin/python3
"""dmalloc-export: each format, read by the tools that it is for."""

import gzip
import json
import os
import pathlib
import re
import subprocess
import time
import unittest

from browser import browser, needs_browser
from toolbox import ROOT, ToolTest, make_dumps, needs

PROFILE_PROTO = "/usr/share/gocode/src/github.com/google/pprof/proto/profile.proto"
SPEEDSCOPE = pathlib.Path(__file__).parent / "node_modules/speedscope/dist/release"


def needs_speedscope():
    return unittest.skipUnless(SPEEDSCOPE.exists(),
                               "speedscope is missing: npm ci --prefix tests/tools")


class Exported(ToolTest):
    """A file of dumps and its last dump; what it holds in all."""

    def setUp(self):
        super().setUp()
        self.path, history = self.dumps(dumps=60, top=12)
        self.last = history[-1]
        self.totals = self.last["totals"]

    def export(self, to, *options, path=None):
        out = self.folder / f"out.{to}"
        self.tool("export", "--to", to, *options, path or self.path, "-o", out)
        return out

    def run_tool(self, *command):
        done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=120, check=False, cwd=self.folder,
                              env=os.environ | {"HOME": str(self.folder), "PPROF_TMPDIR": str(self.folder)})
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout


class Pprof(Exported):
    def message(self, path):
        from dmalloc_tools.formats.profile_message import profile_class
        message = profile_class()()
        message.ParseFromString(gzip.decompress(path.read_bytes()))
        return message

    def test_sums_are_the_process(self):
        profile = self.message(self.export("pprof"))
        sums = [sum(sample.value[i] for sample in profile.sample) for i in range(4)]
        self.assertEqual(sums, [self.totals[name] for name in
                                ("allocations", "allocated_bytes", "live", "live_bytes")])

    def test_mappings_and_build_ids(self):
        profile = self.message(self.export("pprof"))
        text = profile.string_table
        found = {text[m.filename]: text[m.build_id] for m in profile.mapping}
        self.assertEqual(found["/srv/myserver"], make_dumps.MODULES[0][1])
        self.assertEqual(text[profile.mapping[0].filename], "/srv/myserver")
        by_id = {mapping.id: mapping for mapping in profile.mapping}
        for location in profile.location:
            if location.mapping_id:
                mapping = by_id[location.mapping_id]
                self.assertTrue(mapping.memory_start <= location.address < mapping.memory_limit)

    def test_ages_are_tags(self):
        profile = self.message(self.export("pprof"))
        text = profile.string_table
        by_age = {}
        for sample in profile.sample:
            for label in sample.label:
                if text[label.key] == "age":
                    age = text[label.str]
                    by_age[age] = by_age.get(age, 0) + sample.value[3]
        wanted = {f"{row['from']}-{row['to']}s" if row["to"] else f"{row['from']}s": row["bytes"]
                  for row in self.last["ages"] if row["bytes"]}
        self.assertEqual(by_age, wanted)

    @needs("protoc", "protobuf-compiler")
    @needs(PROFILE_PROTO, "golang-github-google-pprof-dev")
    def test_the_message_is_the_published_one(self):
        from google.protobuf import descriptor_pb2
        from dmalloc_tools.formats.profile_message import MESSAGES
        out = self.folder / "descriptor"
        self.run_tool("protoc", f"-I{os.path.dirname(PROFILE_PROTO)}", f"--descriptor_set_out={out}",
                      PROFILE_PROTO)
        published = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file[0]
        kinds = descriptor_pb2.FieldDescriptorProto
        names = {kinds.TYPE_INT64: "int64", kinds.TYPE_UINT64: "uint64", kinds.TYPE_STRING: "string",
                 kinds.TYPE_BOOL: "bool"}
        self.assertEqual(published.package, "perftools.profiles")
        for message in published.message_type:
            fields = tuple((field.name, field.number,
                            "*" * (field.label == kinds.LABEL_REPEATED)
                            + (names.get(field.type) or field.type_name.rsplit(".", 1)[1]))
                           for field in message.field)
            self.assertEqual(MESSAGES[message.name], fields)

    @needs("go", "golang-go")
    def test_go_reads_it(self):
        path = self.export("pprof")
        raw = self.run_tool("go", "tool", "pprof", "-raw", path)
        self.assertIn("alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes[dflt]", raw)
        for index, name in (("inuse_space", "live_bytes"), ("inuse_objects", "live"),
                            ("alloc_space", "allocated_bytes"), ("alloc_objects", "allocations")):
            top = self.run_tool("go", "tool", "pprof", "-top", f"-sample_index={index}",
                                "-unit=B" if "space" in index else "-unit=count", path)
            match = re.search(r"of (\d+)B? total", top)
            self.assertEqual(int(match[1]), self.totals[name], top)
            if index == "inuse_space":
                self.assertIn("session_new", top)
        old = self.run_tool("go", "tool", "pprof", "-top", "-unit=B", "-tagfocus=age=100-1000s", path)
        self.assertRegex(old, rf"accounting for \d+B, .* of {self.totals['live_bytes']}B total")

    @needs("go", "golang-go")
    def test_go_compares_two(self):
        new, old = self.export("pprof"), self.folder / "old"
        self.tool("export", "--to", "pprof", f"{self.path}:30", "-o", old)
        out = self.run_tool("go", "tool", "pprof", "-top", f"-diff_base={old}", new)
        self.assertIn("session_new", out)


class Heap(Exported):
    @needs("google-pprof", "google-perftools")
    def test_google_pprof_reads_it(self):
        out = self.run_tool("google-pprof", "--text", "/bin/true", self.export("heap"))
        listed = sum(entry["bytes"] for entry in self.last["top"])
        self.assertIn(f"Total: {listed / 1048576:.1f} MB", out)

    @needs("go", "golang-go")
    def test_go_reads_it(self):
        out = self.run_tool("go", "tool", "pprof", "-raw", self.export("heap"))
        self.assertIn("inuse_space/bytes", out)
        listed = sum(entry["bytes"] for entry in self.last["top"])
        rows = re.findall(r"^ +\d+ +\d+ +\d+ +(\d+): ", out, re.MULTILINE)
        self.assertEqual(sum(map(int, rows)), listed)

    def test_one_process_only(self):
        path = self.write("two", self.line(self.last) + self.line(self.last | {"pid": 9}))
        self.assertIn("--pid", self.trouble("export", "--to", "heap", path))
        self.tool("export", "--to", "heap", "--pid", 9, path)


class Folded(Exported):
    def weights(self, *options):
        lines = self.export("folded", *options).read_text().splitlines()
        return {stack: int(weight) for stack, weight in (line.rsplit(" ", 1) for line in lines)}

    def test_weights(self):
        for by, name in (("bytes", "live_bytes"), ("count", "live"), ("allocations", "allocations"),
                         ("allocated-bytes", "allocated_bytes")):
            self.assertEqual(sum(self.weights("--by", by).values()), self.totals[name])
        self.assertIn("myserver;main;accept_loop;session_new", self.weights())
        self.assertIn("myserver;(callsites not listed)", self.weights())

    def test_older_than(self):
        old = sum(row["bytes"] for row in self.last["ages"] if row["from"] >= 100)
        self.assertEqual(sum(self.weights("--older-than", 100).values()), old)
        self.assertEqual(self.said, "")
        self.assertEqual(sum(self.weights("--older-than", "1min").values()), old)
        self.assertIn("counting blocks of 100 s and more", self.said)


class Speedscope(Exported):
    def test_profiles(self):
        data = json.loads(self.export("speedscope").read_text())
        self.assertEqual([profile["endValue"] for profile in data["profiles"]],
                         [self.totals[name] for name in
                          ("live_bytes", "live", "allocated_bytes", "allocations")])
        for profile in data["profiles"]:
            self.assertEqual(len(profile["samples"]), len(profile["weights"]))
            self.assertEqual(sum(profile["weights"]), profile["endValue"])

    @needs_speedscope()
    def test_schema(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("the module jsonschema is missing: apt install python3-jsonschema")
        schema = json.loads((SPEEDSCOPE / "file-format-schema.json").read_text())
        jsonschema.validate(json.loads(self.export("speedscope").read_text()), schema)

    @needs_speedscope()
    @needs_browser()
    def test_speedscope_opens_it(self):
        data = self.export("speedscope").read_text()
        with browser() as driver:
            driver.get((SPEEDSCOPE / "index.html").as_uri())
            driver.execute_script("""
              const file = new File([arguments[0]], "heap.speedscope.json");
              const transfer = new DataTransfer();
              transfer.items.add(file);
              for (const type of ["dragover", "drop"]) {
                const event = new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer: transfer});
                (document.querySelector("#app") || document.body).firstElementChild.dispatchEvent(event);
              }""", data)
            for _ in range(50):
                time.sleep(0.1)
                text = driver.execute_script("return document.body.innerText")
                if "live bytes" in text:
                    break
            self.assertIn("myserver 4242: live bytes", text)
            self.assertEqual([entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"], [])


class OpenMetrics(Exported):
    def samples(self, *options, path=None):
        text = self.export("openmetrics", *options, path=path).read_text()
        self.assertTrue(text.endswith("# EOF\n"))
        return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))

    def test_figures(self):
        samples = self.samples()
        which = 'program="myserver",pid="4242"'
        self.assertEqual(int(samples[f"dmalloc_live_bytes{{{which}}}"]), self.totals["live_bytes"])
        self.assertEqual(int(samples[f"dmalloc_allocations_total{{{which}}}"]), self.totals["allocations"])
        for row in self.last["ages"]:
            to = "+Inf" if row["to"] is None else row["to"]
            key = f'dmalloc_age_bytes{{{which},from="{row["from"]}",to="{to}"}}'
            self.assertEqual(int(samples[key]), row["bytes"])
        growing = sum(entry["verdict"] == "growing" for entry in self.last["top"])
        self.assertEqual(int(samples[f'dmalloc_verdict_callsites{{{which},verdict="growing"}}']), growing)

    def test_number_of_series_has_a_bound(self):
        callsites = [key for key in self.samples("--top", 3) if key.startswith("dmalloc_callsite_bytes{")]
        self.assertEqual(len(callsites), 3)
        self.assertEqual([key for key in self.samples("--top", 0) if "_callsite_" in key], [])

    def test_labels_are_escaped(self):
        self.last["program"] = '/x/a"b\\c'
        path = self.write("odd", self.line(self.last))
        self.assertIn('dmalloc_live_bytes{program="a\\"b\\\\c",pid="4242"}', self.samples(path=path))

    def test_prometheus_client_parses_it(self):
        try:
            from prometheus_client.openmetrics import parser
        except ImportError:
            self.skipTest("the module prometheus_client is missing: apt install python3-prometheus-client")
        text = self.export("openmetrics").read_text()
        families = {family.name: family for family in parser.text_string_to_metric_families(text)}
        self.assertEqual(families["dmalloc_allocations"].type, "counter")
        self.assertEqual(len(families["dmalloc_age_bytes"].samples), 5)

    @needs("promtool", "prometheus")
    def test_alert_rules(self):
        rules = ROOT / "docs/fleet"
        self.run_tool("promtool", "check", "rules", rules / "dmalloc.rules.yml")
        self.run_tool("promtool", "test", "rules", rules / "dmalloc.rules.test.yml")


if __name__ == "__main__":
    unittest.main()
