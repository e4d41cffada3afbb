// The people the API makes up: names in their own scripts, places, and how numbers look in each
// country.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::users {

// A name as it is written, and in Latin letters for e-mail addresses.
struct Name {
  std::string_view own;
  std::string_view latin;
};

struct City {
  std::string_view name;
  std::string_view state;
};

// In the patterns, '#' stands for any digit, 'A' for a capital letter; other characters stand for
// themselves.
struct Nationality {
  std::string_view code;  // ISO 3166-1 alpha-2
  std::string_view country;
  std::string_view utc_offset;  // "+5:30"
  std::string_view zone_description;
  std::string_view
      postcode_pattern;  // digits only: the postcode is a JSON number, as the real API has it
  std::string_view phone_pattern;
  std::string_view cell_pattern;
  std::string_view id_name;  // empty: this country has no such number, its value is null
  std::string_view id_pattern;
  std::vector<Name> men;
  std::vector<Name> women;
  std::vector<Name> families;
  std::vector<City> cities;
  std::vector<std::string_view> streets;
};

// All of them, in the order of their codes. Made once; lives for ever.
std::span<const Nationality> Nationalities();
// nullptr for an unknown code; any case.
const Nationality* FindNationality(std::string_view code);

}  // namespace millrace::users
