"""ninja and g++: a C++ project with exceptions, built and run."""

import torture

COUNT = 12


def project():
    """A script that writes the project: units that throw through each other."""
    units = "".join(f"""
cat > unit{i}.cc <<'END'
#include "all.h"
#include <map>
#include <memory>
#include <numeric>
#include <regex>
std::string unit{i}(int depth)
{{
  std::map<std::string, std::vector<int>> table;
  for (int k = 0; k < 200; k++) table[std::to_string(k * {i + 1} % 97)].push_back(k);
  auto held = std::make_unique<std::string>("held by {i}");
  if (depth == 0) throw failure{{"from {i} " + *held}};
  try {{ return unit{(i + 5) % COUNT}(depth - 1) + "<{i}"; }}
  catch (const failure &f) {{
    if (depth % 3) throw failure{{f.text + " via {i}"}};
    return std::regex_replace(f.text, std::regex("h(e)ld"), "H$1LD") + std::to_string(table.size());
  }}
}}
END
""" for i in range(COUNT))
    declared = "".join(f"std::string unit{i}(int);\n" for i in range(COUNT))
    called = "".join(f"for (int d = 0; d < 30; d++) try {{ std::cout << unit{i}(d) << '\\n'; }} "
                     f"catch (const failure &f) {{ std::cout << f.text << '\\n'; }}\n"
                     for i in range(COUNT))
    objects = " ".join(f"unit{i}.o" for i in range(COUNT)) + " main.o"
    edges = "".join(f"build {name}: cc {name[:-2]}.cc | all.h\n" for name in objects.split())
    return f"""
cat > all.h <<'END'
#include <iostream>
#include <string>
#include <vector>
struct failure {{ std::string text; }};
{declared}
END
{units}
cat > main.cc <<'END'
#include "all.h"
#include <thread>
int main()
{{
  {called}
  std::vector<std::thread> threads; std::vector<int> caught(4);
  for (int t = 0; t < 4; t++) threads.emplace_back([t, &caught] {{
    for (int i = 0; i < 3000; i++) try {{ unit0(i % 7); }} catch (const failure &) {{ caught[t]++; }} }});
  for (auto &thread : threads) thread.join();
  for (int c : caught) std::cout << c << '\\n';
  try {{ std::vector<int> v; v.at(3); }} catch (const std::exception &e) {{ std::cout << e.what() << '\\n'; }}
  try {{ operator new(~0ul >> 1); }} catch (const std::bad_alloc &e) {{ std::cout << e.what() << '\\n'; }}
  throw failure{{"nobody catches this"}};
}}
END
cat > build.ninja <<'END'
cxxflags = -O1 -g0
rule cc
 command = g++ $cxxflags -MMD -MF $out.d -c $in -o $out
 depfile = $out.d
 deps = gcc
rule ld
 command = g++ $in -o $out -pthread
{edges}
build program: ld {objects}
END
"""


class Ninja(torture.Case):

    needs = ("ninja", "g++")

    def test_a_project_with_exceptions(self):
        ran = self.compare(project() + """
ninja -j2 -v | tail -n 1; ninja -n; touch all.h; ninja -j1 -n | wc -l
ninja -t query program; ninja nonexistent; ulimit -c 0; ./program; echo status $?
g++ -c -x c++ - <<END
int main() { return undeclared; }
END
md5sum *.o program; ninja -t clean""", top=10)
        self.assertIn(b"status 134", ran.stdout)
