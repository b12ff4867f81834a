/* Unsplit code that uses more stack than there is. Each frame is smaller than a guard page, so it cannot step over one.
 *
 * All on one line: which of its instructions meets the guard page depends on the frames below.
 */

#define BOX_BYTES 512

unsigned weigh(unsigned height) { volatile unsigned char box[BOX_BYTES]; box[0] = (unsigned char)height; return (height > 0 ? weigh(height - 1) : 0) + box[0]; }
