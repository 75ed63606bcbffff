# Programs of a release are compiled as a whole: what the index calls often is small and lies in other
# files (docs/decisions/0090-whole-programs.md). The libraries carry both, code and what the linker
# compiles; tests take the code as it is, which links in no time.
option(SOUK_WHOLE "Compile programs of a release as a whole" ON)
if(NOT CMAKE_BUILD_TYPE STREQUAL "Release" OR SOUK_SANITIZE OR SOUK_FUZZ
   OR NOT CMAKE_C_COMPILER_ID STREQUAL "GNU")
  set(SOUK_WHOLE OFF)
endif()
if(SOUK_WHOLE)
  add_link_options($<$<NOT:$<BOOL:$<TARGET_PROPERTY:WHOLE>>>:-fno-lto>)
endif()

# Libraries that go into programs.
function(souk_whole_part)
  if(SOUK_WHOLE)
    foreach(library ${ARGN})
      target_compile_options(${library} PRIVATE -flto=auto -ffat-lto-objects)
    endforeach()
  endif()
endfunction()

function(souk_whole program)
  if(SOUK_WHOLE)
    set_property(TARGET ${program} PROPERTY WHOLE ON)
    target_compile_options(${program} PRIVATE -flto=auto -ffat-lto-objects)
    target_link_options(${program} PRIVATE -flto=auto)
  endif()
endfunction()
