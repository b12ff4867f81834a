using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Harness.Binary.Tests")]
[assembly: InternalsVisibleTo("Harness.Runtime.Tests")]
[assembly: InternalsVisibleTo("Harness.Verification.Tests")]
