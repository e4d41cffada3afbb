// Feeds hostile text to everything that reads SQL: lexer, parser, binder, optimiser, schemas. The
// first byte chooses what; the rest is the text. Plans that come out must print and hash alike
// twice.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "sql/plan.h"
#include "sql/testing_catalog.h"

using millrace::sql::BindOptions;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static const millrace::sql::TestingCatalog catalog;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  BindOptions options;
  options.streaming = (data[0] & 1) != 0;
  options.ansi = (data[0] & 2) == 0;
  switch (data[0] >> 4 & 3) {
    case 0:
      millrace::sql::BindExpression(text, catalog.Find("clicks")->schema, options);
      break;
    case 1:
      millrace::sql::ParseSchemaDdl(text);
      break;
    default: {
      const auto bound = millrace::sql::BindQuery(text, catalog, options);
      MR_CHECK((bound.plan == nullptr) == !bound.errors.empty(), "a plan or errors");
      if (!bound.plan) break;
      const auto again = millrace::sql::BindQuery(text, catalog, options);
      MR_CHECK(again.plan && ToString(*bound.plan) == ToString(*again.plan), "plans repeat");
      MR_CHECK(HashOf(*bound.plan) == HashOf(*again.plan), "hashes repeat");
    }
  }
  return 0;
}
