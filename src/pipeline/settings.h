// Settings: the one table of everything a project file may say. From it come the parser's checks
// (unknown keys, types, ranges, required ones), `millrace schema` (JSON Schema for editors) and
// docs/reference/settings.md.
//
// A path names a place in the file: members by name, "*" for a name the user chooses, "[]" for the
// items of a list:
//   "topics.*.partitions", "queries.*.expect.[].condition", "profiles.*.roles.log".
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "pipeline/document.h"

namespace millrace::pipeline {

enum class SettingKind : uint8_t {
  kText,
  kTemplate,  // text with {{ ... }}
  kSql,       // SQL text, or the name of a .sql file beside the project file
  kCql,       // CQL text, or the name of a .cql file
  kFile,      // a file name, relative to the project file
  kSecret,    // "env:NAME" or "file:PATH"; plain text is refused
  kInteger,
  kReal,
  kBoolean,
  kDuration,  // "250ms", "5s", "10m", "2h", "7d"; stored as microseconds
  kSize,      // "64KiB", "16MiB", "1GiB", plain bytes
  kChoice,    // one of `choices`
  kMap,       // members below it, named by the user ("*") or by the table
  kList,      // items below it ("[]")
  kJson,      // any YAML, kept as JSON text
};

struct Setting {
  std::string_view path;
  SettingKind kind;
  std::string_view fallback;  // as written in YAML; empty: none
  std::string_view summary;   // one sentence
  bool required = false;
  int64_t least = INT64_MIN;  // kInteger; kDuration in microseconds; kSize in bytes
  int64_t most = INT64_MAX;
  std::string_view choices = {};  // "all_success|all_done|one_failed"
  std::string_view example = {};
};

std::span<const Setting> AllSettings();
// By exact pattern path; nullptr when there is none.
const Setting* FindSetting(std::string_view path);
// The members a map at `path` may have: names, or "*" among them.
std::vector<std::string> MembersOf(std::string_view path);

// Microseconds; nullopt when the text is not a duration. Bytes for sizes.
std::optional<int64_t> ParseDuration(std::string_view text);
std::optional<int64_t> ParseSize(std::string_view text);
std::string FormatDuration(int64_t micros);

// Checks a whole document against the table: unknown keys (with the nearest known one), wrong
// kinds, values out of range, missing required keys. Everything found is added to `problems`.
void CheckAgainstSettings(const std::string& file, const Node& root, Problems& problems);

// Reads the values of one map of a checked document, with the table's fallbacks. Values already
// reported as wrong read as their fallback, so that reading never reports twice.
class Section {
 public:
  // `pattern`: the table path of the map, e.g. "topics.*"; `node` may be null (all fallbacks).
  Section(std::string pattern, const Node* node) : pattern_(std::move(pattern)), node_(node) {}

  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  const Node* Find(std::string_view name) const;
  // It names a variable without a value, so it reads as its fallback.
  bool IsUnresolved(std::string_view name) const;
  sql::Location Where(std::string_view name) const;
  std::string Text(std::string_view name) const;
  int64_t Integer(std::string_view name) const;
  double Real(std::string_view name) const;
  bool Boolean(std::string_view name) const;
  int64_t DurationUs(std::string_view name) const;
  int64_t Bytes(std::string_view name) const;
  std::vector<std::string> Texts(
      std::string_view name) const;  // list of scalars; a scalar is a list of one
  std::vector<std::pair<std::string, std::string>> TextMap(std::string_view name) const;
  Section Child(std::string_view name) const;
  // Members of a user-named map ("*").
  std::vector<std::pair<std::string, Section>> Children(std::string_view name) const;
  std::vector<Section> Items(std::string_view name) const;
  const Node* node() const { return node_; }

 private:
  std::string_view Raw(std::string_view name) const;

  std::string pattern_;
  const Node* node_;
};

// The table as JSON Schema (draft 2020-12) and as docs/reference/settings.md.
std::string SettingsJsonSchema();
std::string SettingsReference();

}  // namespace millrace::pipeline
