# kin_pretend_plugin(<.cu file>...): libkin_pretend.so, the plug-in's sources compiled for the CPU
# against tests/devices/pretend. A source's language is its folder's, so each is included from one of
# its own.
function(kin_pretend_plugin)
  set(sources "")
  foreach(source ${ARGN})
    get_filename_component(name ${source} NAME_WE)
    set(made ${CMAKE_BINARY_DIR}/pretend/${name}.cpp)
    file(CONFIGURE OUTPUT ${made} CONTENT "#include \"${source}\"\n" @ONLY)
    list(APPEND sources ${made})
  endforeach()
  file(GLOB device CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/devices/pretend/*.cpp)
  add_library(kin_pretend MODULE ${sources} ${device} core/arena.c)
  target_include_directories(kin_pretend PRIVATE ${CMAKE_SOURCE_DIR}/tests/devices/pretend
                             ${CMAKE_BINARY_DIR}/walls/cuda)
  target_compile_definitions(kin_pretend PRIVATE KIN_DEVICE_NAME="pretend")
  target_compile_options(kin_pretend PRIVATE -O1 -g1 -Wall -Wextra -Werror
    # Loss files are C, and kernels have pragmas for nvcc.
    "$<$<COMPILE_LANGUAGE:CXX>:-Wno-unknown-pragmas;-Wno-missing-field-initializers>"
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-deprecated-enum-float-conversion>)
  set_target_properties(kin_pretend PROPERTIES CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON
    CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  target_link_libraries(kin_pretend PRIVATE ${CMAKE_DL_LIBS})
endfunction()
