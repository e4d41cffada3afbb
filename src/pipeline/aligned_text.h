// AlignedText: rows of cells as lines with aligned columns, for people; the first row is the
// header.
#pragma once

#include <string>
#include <vector>

namespace millrace::pipeline {

std::string AlignedText(const std::vector<std::vector<std::string>>& rows);
// "12.5 MiB".
std::string ShortBytes(uint64_t bytes);

}  // namespace millrace::pipeline
