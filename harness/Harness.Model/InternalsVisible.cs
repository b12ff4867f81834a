using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Harness.Toolchain")]
[assembly: InternalsVisibleTo("Harness.Verification")]
[assembly: InternalsVisibleTo("Harness.Verification.Tests")]
[assembly: InternalsVisibleTo("Harness.Generators.Tests")]
