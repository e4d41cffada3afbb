// Input: a JSON path up to the first line feed, then a page. Checks that what is selected lies
// inside the page.
#include <cstdint>
#include <cstdlib>

#include "data/json_select.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace millrace::data;
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const size_t line = input.find('\n');
  if (line == std::string_view::npos) return 0;
  const auto records = JsonPath::Parse(input.substr(0, line));
  if (!records) return 0;
  std::string body(input.substr(line + 1));
  JsonPage page;
  if (!page.Load(body)) return 0;
  const JsonPath paths[] = {*JsonPath::Parse("$.login.uuid"), *JsonPath::Parse("$.id"),
                            *JsonPath::Parse("$.id")};
  const auto visited = page.VisitRecords(*records, paths, [&](const JsonRecord& record) {
    const bool inside = record.raw.data() >= body.data() &&
                        record.raw.data() + record.raw.size() <= body.data() + body.size();
    if (!inside) std::abort();
    return millrace::Status();
  });
  (void)visited;
  (void)page.Find(paths[0]);
  (void)page.Find(*records);
  return 0;
}
