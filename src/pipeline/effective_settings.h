// The settings a project runs with, and where each comes from: for people who ask what is in force.
//
// Invariant: no secret is ever in the list. Values are as written in the file, so that what ${VAR}
// stands for is not there; values of settings that may hold a secret all the same (headers, query
// parameters and bodies of requests, variables of commands, URLs with a password) are left out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/document.h"

namespace millrace::pipeline {

enum class SettingOrigin { kFile, kEnvironment, kDefault };
std::string_view Name(SettingOrigin origin);

struct EffectiveSetting {
  std::string path;                  // "topics.users_raw.partitions", "tables[0]"
  std::optional<std::string> value;  // none: it may hold a secret
  SettingOrigin origin = SettingOrigin::kFile;
  std::optional<sql::Location> where = {};  // in the project file
};

// Of a document that was parsed without an environment and agrees with the table of settings. In
// the table's order; defaults are given for maps that are there, and for the fixed ones at the top.
std::vector<EffectiveSetting> EffectiveSettings(const Node& as_written);

}  // namespace millrace::pipeline
