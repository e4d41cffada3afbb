// What `millrace init` writes: a project that checks, tests and runs as it is.
#pragma once

#include <span>
#include <string_view>

namespace millrace::cli {

struct NewProjectFile {
  std::string_view name;  // relative to the project's folder
  std::string_view text;
};

std::span<const NewProjectFile> NewProjectFiles();

}  // namespace millrace::cli
