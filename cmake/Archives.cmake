# Programs that start often link what they need as archives: loading and relocating seventeen shared
# libraries takes longer than the rest of a start (docs/decisions/0038-archives.md). Tests and
# sanitizer builds keep the shared libraries.
include(CheckLinkerFlag)
check_linker_flag(C "-Wl,-z,pack-relative-relocs" SOUK_PACKS_RELOCATIONS)

option(SOUK_ARCHIVES "Link programs of a release against archives where they are installed" ON)
if(NOT CMAKE_BUILD_TYPE STREQUAL "Release" OR SOUK_SANITIZE OR SOUK_FUZZ
   OR NOT CMAKE_C_COMPILER_ID STREQUAL "GNU")
  set(SOUK_ARCHIVES OFF)
endif()

# Whoever links `target` takes its archive when its own property ARCHIVES is on.
function(souk_archive target)
  get_target_property(libraries ${target} INTERFACE_LINK_LIBRARIES)
  set(archives)
  foreach(library ${libraries})
    string(REGEX REPLACE "[.]so$" ".a" archive "${library}")
    if(NOT EXISTS "${archive}")
      return()
    endif()
    list(APPEND archives "${archive}")
  endforeach()
  string(REPLACE ";" "$<SEMICOLON>" archives "${archives};${ARGN}")
  string(REPLACE ";" "$<SEMICOLON>" libraries "${libraries}")
  set_property(TARGET ${target} PROPERTY INTERFACE_LINK_LIBRARIES
    "$<IF:$<BOOL:$<TARGET_PROPERTY:ARCHIVES>>,${archives},${libraries}>")
endfunction()

if(SOUK_ARCHIVES)
  foreach(part lmdb xxhash cyaml yaml jansson zstd)
    souk_archive(PkgConfig::${part})
  endforeach()
  execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libstdc++.a
    OUTPUT_VARIABLE cxx_runtime OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(IS_ABSOLUTE "${cxx_runtime}") # ICU is C++ inside
    foreach(part icui18n icu)
      souk_archive(PkgConfig::${part} ${cxx_runtime})
    endforeach()
  endif()
  foreach(part ev stemmer)
    souk_archive(dep_${part})
  endforeach()
endif()

# A program that is started often.
function(souk_starts_fast program)
  if(SOUK_ARCHIVES)
    set_property(TARGET ${program} PROPERTY ARCHIVES ON)
    target_link_options(${program} PRIVATE -static-libgcc)
  endif()
  if(SOUK_PACKS_RELOCATIONS)
    target_link_options(${program} PRIVATE -Wl,-z,pack-relative-relocs)
  endif()
endfunction()
