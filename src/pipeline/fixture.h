// Fixtures: what `millrace test` runs. A fixture file gives records to topics and says which rows
// and dead letters must come of them. Everything runs for real, log, engine and tables, but in
// memory and with a clock that stands still, so a test takes milliseconds and always sees the same
// time.
//
//   tests:
//     - name: a user becomes a row
//       query: created_users
//       now: 2026-01-01T00:00:00Z          # default: 2026-01-01T00:00:00Z
//       input:
//         users_raw:                        # one record each; "value" and "key" where both are
//         given
//           - {login: {uuid: 7c9e...}, email: ada@example.com}
//       rows:
//         users.by_id:                      # every row; only the columns named here are compared
//           - {email_domain: example.com, age: 36}
//       dead_letters:                       # every dead letter of the query; only what is named is
//       compared
//         - {condition: EXPECT_email}
//
// docs/reference/fixtures.md describes every key; it is made of the table in fixture_docs.cc, which
// is also what unknown keys are refused by.
//
// Thread contract: one thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/file_system.h"
#include "pipeline/project.h"

namespace millrace::pipeline {

struct FixtureResult {
  std::string file;
  std::string name;
  sql::Location where;
  bool passed = false;
  std::string
      // of a failed one: "expected" and "got" rows, one a line, those that differ marked - and +
      report;
  double milliseconds = 0;
};

// Runs every test of a file whose name contains `filter`. Mistakes in the file itself are problems.
std::vector<FixtureResult> RunFixtures(const Project& project, io::FileSystem& fs,
                                       const std::string& file, const std::string& filter,
                                       Problems& problems);

struct FixtureKey {
  std::string_view name;
  std::string_view kind;
  std::string_view fallback;  // "": none
  std::string_view summary;   // one sentence or two
};
// The members of one test.
std::span<const FixtureKey> FixtureKeys();
// docs/reference/fixtures.md.
std::string FixturesReference();

}  // namespace millrace::pipeline
