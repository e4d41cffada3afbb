// Place: where something stands in a text.
#pragma once

namespace millrace::cql {

// Both from 1; columns count characters (code points), a tab as one.
struct Place {
  int line = 1;
  int column = 1;
};

}  // namespace millrace::cql
