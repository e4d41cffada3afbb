// Java's regular expressions as RE2 understands them.
//
// What both know is taken as it is, named groups "(?<name>...)" become RE2's "(?P<name>...)". What
// RE2 has not, look-around, back-references and possessive quantifiers, stays an error.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::sql {

// The pattern in RE2's syntax; whether it is one is not looked at.
std::string Re2Pattern(std::string_view java);

// kInvalidArgument with RE2's reason when it is no pattern.
Status CheckRegexp(std::string_view java);

// What is said of a pattern that RE2 refuses with `reason`.
std::string BadRegexp(std::string_view java, std::string_view reason);

}  // namespace millrace::sql
