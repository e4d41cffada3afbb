// Paging: `limit` and `cursor` of every list. A cursor is where the page before ended, opaque to
// clients; a list is never put together as a whole to cut a page out of it, unless it is small by
// nature (the things the project file names).
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/rest/route.h"
#include "pipeline/json_text.h"

namespace millrace::api::rest {

// `place` as a cursor; how a cursor is read is the router's business: Call::Text("cursor") is the
// place again.
std::string EncodeCursor(std::string_view place);
// Numbers joined by ':'; kInvalidArgument when the cursor is of another list.
Result<std::vector<int64_t>> CursorNumbers(const Call& call, size_t count);

// {"items": [...], "next_cursor": ...}; no place: the last page.
Answer PageAnswer(const pipeline::JsonList& items, const std::optional<std::string>& next_place);

// A page of `items`, which rise by name: those behind the cursor's name.
template <typename Items, typename NameOf, typename Write>
Result<Answer> PageByName(const Call& call, const Items& items, NameOf name_of, Write write) {
  const auto limit = static_cast<size_t>(call.Integer("limit"));
  const std::string after = call.Has("cursor") ? call.Text("cursor") : "";
  auto at = after.empty() ? items.begin()
                          : std::upper_bound(items.begin(), items.end(), after,
                                             [&](const std::string& name, const auto& item) {
                                               return name < name_of(item);
                                             });
  pipeline::JsonList list;
  std::optional<std::string> last;
  for (size_t i = 0; i < limit && at != items.end(); ++i, ++at) {
    last = std::string(name_of(*at));
    list.Add(write(*at));
  }
  return PageAnswer(list, at == items.end() ? std::nullopt : last);
}

}  // namespace millrace::api::rest
